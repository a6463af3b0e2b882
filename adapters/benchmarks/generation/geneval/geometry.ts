/** Left, top, right, bottom in pixels. */
export type Box = readonly [number, number, number, number];

export type Relation = "left of" | "right of" | "above" | "below";

/** Below this share of both boxes' sizes an offset is none (GenEval's default `position_threshold`). */
const POSITION_THRESHOLD = 0.1;

/** Intersection over union of boxes whose edges are pixels of their own, as GenEval counts them. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const inside = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const outside = area(a) + area(b) - inside;
  return outside === 0 ? 0 : inside / outside;
}

const area = ([left, top, right, bottom]: Box): number => Math.max(right - left + 1, 0) * Math.max(bottom - top + 1, 0);

/**
 * Where A lies relative to B: centre to centre, less a tenth of both boxes' sizes, in units of the whole offset; two
 * relations at once are possible. Equals `relative_position` of djghosh13/geneval, evaluation/evaluate_images.py.
 */
export function relativePosition(a: Box, b: Box): Set<Relation> {
  const offset = [0, 1].map((axis) => centre(a, axis) - centre(b, axis)) as [number, number];
  const revised = offset.map((distance, axis) => {
    const slack = POSITION_THRESHOLD * (side(a, axis) + side(b, axis));
    return Math.max(Math.abs(distance) - slack, 0) * Math.sign(distance);
  }) as [number, number];
  const relations = new Set<Relation>();
  if (revised.every((distance) => Math.abs(distance) < 1e-3)) return relations;
  const length = Math.hypot(...offset);
  const [dx, dy] = [revised[0] / length, revised[1] / length];
  if (dx < -0.5) relations.add("left of");
  if (dx > 0.5) relations.add("right of");
  if (dy < -0.5) relations.add("above");
  if (dy > 0.5) relations.add("below");
  return relations;
}

const centre = (box: Box, axis: number): number => (box[axis]! + box[axis + 2]!) / 2;
const side = (box: Box, axis: number): number => Math.abs(box[axis + 2]! - box[axis]!);
