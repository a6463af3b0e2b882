import { groupBy, jsonLines, Row } from "../../kit/index.ts";
import { onlyOnce } from "../only-once.ts";
import { type Box, intersectionOverUnion } from "./geometry.ts";
import { COLORS, type Color } from "./prompts.ts";

/** One box that a detector found. */
export interface Detection {
  /** File and line. */
  readonly at: string;
  readonly class: string;
  readonly box: Box;
  /** The detector's confidence, 0 to 1. */
  readonly score: number;
  /** What a colour classifier says of it; needed if a prompt asks for a colour. */
  readonly color?: Color;
}

/** GenEval's defaults, `evaluate_images.py --options`. */
export interface DetectionLimits {
  /** Boxes with no more confidence are dropped. */
  readonly threshold: number;
  /** The same for the tag "counting". */
  readonly countingThreshold: number;
  /** Most boxes of a class. */
  readonly maxObjects: number;
  /** If two boxes overlap this much or more, the less confident one is dropped; 1 keeps all. */
  readonly maxOverlap: number;
}

export const DETECTION_LIMITS: DetectionLimits = {
  threshold: 0.3,
  countingThreshold: 0.9,
  maxObjects: 16,
  maxOverlap: 1,
};

/**
 * Detections of each image, from a file with a line for each: `{ "filename": "00000/samples/0000.png", "detections": [{
 * "class": "dog", "box": [left, top, right, bottom], "score": 0.97, "color": "brown" }] }`. Give all that the detector
 * found: they are sorted and thinned out later.
 * @throws INVALID_DATA with file and line; IO_ERROR
 */
export async function readDetections(path: string): Promise<Map<string, readonly Detection[]>> {
  const found = new Map<string, readonly Detection[]>();
  const seen = new Map<string, string>();
  for await (const row of jsonLines(path)) {
    const filename = row.text("filename");
    onlyOnce(seen, filename, "filename", row.at);
    const list = row.raw("detections");
    if (!Array.isArray(list)) throw row.wrong("detections", "a list of objects");
    const rows = list.map((one, index) => new Row(`detections[${index}] in ${row.at}`, one));
    found.set(filename, rows.map(detectionOf));
  }
  return found;
}

function detectionOf(row: Row): Detection {
  const [box, score] = [row.raw("box"), row.raw("score")];
  if (!isBox(box)) throw row.wrong("box", "four numbers: left, top, right, bottom");
  if (!(typeof score === "number" && score >= 0 && score <= 1)) throw row.wrong("score", "a number from 0 to 1");
  return {
    at: row.at,
    class: row.text("class"),
    box,
    score,
    ...(row.has("color") && { color: row.oneOf("color", COLORS) }),
  };
}

const isBox = (value: unknown): value is Box =>
  Array.isArray(value) && value.length === 4 && value.every(Number.isFinite);

/**
 * What the evaluator looks at: of each class the most confident boxes above the threshold, the first one the surest.
 */
export function keptObjects(
  detections: readonly Detection[],
  tag: string,
  limits: DetectionLimits = DETECTION_LIMITS,
): Map<string, readonly Detection[]> {
  // The detector's numbers are float32, and numpy compares them with the threshold as such.
  const threshold = Math.fround(tag === "counting" ? limits.countingThreshold : limits.threshold);
  const byClass = groupBy(detections, (detection) => detection.class);
  const kept = new Map<string, readonly Detection[]>();
  for (const [name, boxes] of byClass) {
    const queue = boxes
      .map((box, index) => ({ box, index }))
      // Of equal ones the later box comes first: the reference reverses an ascending order.
      .sort((a, b) => b.box.score - a.box.score || b.index - a.index)
      .map(({ box }) => box)
      .filter(({ score }) => Math.fround(score) > threshold)
      .slice(0, limits.maxObjects);
    const own: Detection[] = [];
    for (const box of queue) if (own.every((surer) => !overlap(surer, box, limits))) own.push(box);
    if (own.length > 0) kept.set(name, own);
  }
  return kept;
}

const overlap = (a: Detection, b: Detection, { maxOverlap }: DetectionLimits): boolean =>
  maxOverlap !== 1 && intersectionOverUnion(a.box, b.box) >= maxOverlap;
