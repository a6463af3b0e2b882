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
  const across = offset([a[0], a[2]], [b[0], b[2]]);
  const down = offset([a[1], a[3]], [b[1], b[3]]);
  const relations = new Set<Relation>();
  if (Math.abs(across.revised) < 1e-3 && Math.abs(down.revised) < 1e-3) return relations;
  const length = Math.hypot(across.whole, down.whole);
  const [dx, dy] = [across.revised / length, down.revised / length];
  if (dx < -0.5) relations.add("left of");
  if (dx > 0.5) relations.add("right of");
  if (dy < -0.5) relations.add("above");
  if (dy > 0.5) relations.add("below");
  return relations;
}

/** Both ends of a box on one axis. */
type Span = readonly [number, number];

/** From centre to centre on one axis, and what is left of it without the slack. */
function offset(a: Span, b: Span): { readonly whole: number; readonly revised: number } {
  const whole = (a[0] + a[1]) / 2 - (b[0] + b[1]) / 2;
  const slack = POSITION_THRESHOLD * (Math.abs(a[1] - a[0]) + Math.abs(b[1] - b[0]));
  return { whole, revised: Math.max(Math.abs(whole) - slack, 0) * Math.sign(whole) };
}
