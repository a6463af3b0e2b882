import * as z from "zod";
import { readImage } from "../../../../sdk/index.ts";
import { expected, expectedBut, option, parseOptions } from "../../../../sdk/kit.ts";
import { noneRead, readOrList, type UnreadableImage } from "../unreadable-images.ts";
import { NOT_COMPARABLE, type YesNoJudge } from "../yes-no-judge.ts";
import { DETECTION_LIMITS, type Detection, keptObjects } from "./detections.ts";
import { evaluateImage } from "./evaluate-image.ts";
import { judgeImage } from "./judge-image.ts";
import { type GeneratedImage, generatedImages } from "./prompts.ts";
import { type GenEvalResult, type GenEvalSummary, summarizeGenEval } from "./summary.ts";

/** What looks at the images: boxes that a detector found, or a judge. */
export type GenEvalEvaluator =
  | { readonly detections: ReadonlyMap<string, readonly Detection[]> }
  | { readonly judge: YesNoJudge };

export interface GenEvalOptions {
  /** After each image, with the number of images so far. */
  readonly onProgress?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({ onProgress: option.callback<(done: number) => void>(), signal: option.signal });

export interface GenEvalReport {
  readonly evaluator: string;
  /** Whether the number is GenEval's, given the reference's detector and colour classifier. */
  readonly comparable: boolean;
  readonly summary: GenEvalSummary;
  readonly results: readonly GenEvalResult[];
  /** Counted as wrong. */
  readonly unreadable: readonly UnreadableImage[];
}

/**
 * Evaluates the images of GenEval's folders (NNNNN/metadata.jsonl and NNNNN/samples/*.png).
 * @throws INVALID_DATA for folders without an image that can be read, an image without detections, or detections of no image;
 *   INVALID_ARGUMENT; IO_ERROR; what the judge throws; the signal's reason
 */
export async function runGenEval(
  folder: string,
  evaluator: GenEvalEvaluator,
  options: GenEvalOptions = {},
): Promise<GenEvalReport> {
  const { onProgress, signal } = parseOptions(schema, options, "runGenEval");
  const results: GenEvalResult[] = [];
  const unreadable: UnreadableImage[] = [];
  for await (const image of generatedImages(folder)) {
    signal?.throwIfAborted();
    const { filename, path, prompt } = image;
    const pixels = await readOrList(filename, unreadable, () => readImage(path));
    const verdict =
      pixels === null
        ? { correct: false, reason: "the image cannot be read", details: {} }
        : "judge" in evaluator
          ? await judged(image, evaluator.judge)
          : detected(image, evaluator.detections);
    const { correct, reason, details } = verdict;
    const { tag, prompt: text, metadata } = prompt;
    const own = { filename, tag, prompt: text, correct, reason };
    results.push({ ...own, metadata: JSON.stringify(metadata), details: JSON.stringify(details) });
    onProgress?.(results.length);
  }
  if (results.length === 0) throw expectedBut("INVALID_DATA", "NNNNN/samples/*.png", folder, "no image");
  if (unreadable.length === results.length) throw noneRead(folder, unreadable);
  const comparable = "detections" in evaluator;
  if (comparable) refuseStrangers(evaluator.detections, results);
  const name = comparable
    ? `supplied detections, ${JSON.stringify(DETECTION_LIMITS)}`
    : `${evaluator.judge.name}: ${NOT_COMPARABLE}`;
  return { evaluator: name, comparable, summary: summarizeGenEval(results), results, unreadable };
}

async function judged({ path, prompt }: GeneratedImage, judge: YesNoJudge) {
  const { answers, ...verdict } = await judgeImage(prompt, path, judge);
  return { ...verdict, details: answers };
}

function detected({ filename, prompt }: GeneratedImage, detections: ReadonlyMap<string, readonly Detection[]>) {
  const found = detections.get(filename);
  if (found === undefined) {
    const mend = 'An image in which nothing was found has a line with "detections": [].';
    throw expectedBut("INVALID_DATA", `a line of ${filename}`, "the detections", "none", mend);
  }
  const objects = keptObjects(found, prompt.tag);
  const details = Object.fromEntries(
    [...objects].map(([name, boxes]) => [name, boxes.map(({ box, score }) => [...box, score])]),
  );
  return { ...evaluateImage(prompt, objects), details };
}

function refuseStrangers(detections: ReadonlyMap<string, unknown>, results: readonly GenEvalResult[]): void {
  const images = new Set(results.map(({ filename }) => filename));
  const stranger = [...detections.keys()].find((filename) => !images.has(filename));
  if (stranger === undefined) return;
  throw expected("INVALID_DATA", "images that are in the folder", "the detections", stranger);
}
