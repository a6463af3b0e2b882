import { join } from "node:path";
import * as z from "zod";
import { type RgbImage, readImage, VqraeError } from "../../../../sdk/index.ts";
import { option, parseOptions } from "../../../../sdk/kit.ts";
import { listFolder } from "../../kit/index.ts";
import { noneRead, readOrList, type UnreadableImage } from "../unreadable-images.ts";
import { NOT_COMPARABLE, type YesNoJudge } from "../yes-no-judge.ts";
import type { SuppliedAnswers } from "./answers.ts";
import { gridCrops } from "./grid.ts";
import type { DpgItem } from "./questions.ts";
import { type CropAnswers, type ItemScore, scoreItem } from "./score-item.ts";
import { type DpgSummary, summarizeDpg } from "./summary.ts";

export interface DpgBenchOptions {
  /** Pixels a side of one image of a grid. */
  readonly resolution: number;
  /** Images of a grid that are asked about, 1 to 4. */
  readonly pics: number;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  resolution: z.int().min(1).describe("a whole number >= 1"),
  pics: z.int().min(1).max(4).describe("a whole number from 1 to 4"),
  onProgress: option.callback<(done: number, total: number) => void>(),
  signal: option.signal,
});

/** What answers: answers that were given elsewhere, or a judge. */
export type DpgEvaluator = { readonly answers: SuppliedAnswers } | { readonly judge: YesNoJudge };

export interface DpgReport {
  readonly evaluator: string;
  /** Whether the number is DPG-Bench's, given mPLUG-large's answers. */
  readonly comparable: boolean;
  readonly summary: DpgSummary;
  readonly items: readonly (Pick<ItemScore, "crops" | "score"> & { readonly filename: string })[];
  /**
   * Left out of every mean, as the reference leaves them out: pictures that cannot be read, or of no item of the table.
   */
  readonly failed: readonly UnreadableImage[];
  /** Items of the table without a picture. */
  readonly missing: readonly string[];
}

/**
 * Scores a folder of pictures, `<item_id>.png` each, against the questions of dpg_bench.csv.
 * @throws INVALID_DATA if no picture can be scored, or an answer is missing; INVALID_ARGUMENT; IO_ERROR; what the judge
 *   throws; the signal's reason
 */
export async function runDpgBench(
  folder: string,
  items: ReadonlyMap<string, DpgItem>,
  evaluator: DpgEvaluator,
  options: DpgBenchOptions,
): Promise<DpgReport> {
  const { resolution, pics, onProgress, signal } = parseOptions(schema, options, "runDpgBench");
  const names = await listFolder(folder);
  const scores: (ItemScore & { filename: string })[] = [];
  const failed: UnreadableImage[] = [];
  const left = new Set(items.keys());
  for (const [index, filename] of names.entries()) {
    signal?.throwIfAborted();
    const [id = ""] = filename.split("."); // as the reference names items, dots in them included
    const item = items.get(id);
    if (!item) {
      failed.push({ filename, message: `no item ${id} in the table` });
      continue;
    }
    left.delete(id);
    const score = await scoreOrList(filename, failed, async () => {
      const crops = gridCrops(await readImage(join(folder, filename)), resolution, pics);
      return scoreItem(item, await answersOf(item, crops, evaluator));
    });
    if (score) scores.push({ ...score, filename });
    onProgress?.(index + 1, names.length);
  }
  if (scores.length === 0) throw noneRead(folder, failed);
  const comparable = "answers" in evaluator;
  return {
    evaluator: comparable ? "supplied answers" : `${evaluator.judge.name}: ${NOT_COMPARABLE}`,
    comparable,
    summary: summarizeDpg(scores),
    items: scores.map(({ filename, crops, score }) => ({ filename, crops, score })),
    failed,
    missing: [...left],
  };
}

/**
 * A parent that is no question fails its picture, as in the reference; an answer that is missing is the caller's fault.
 */
async function scoreOrList(
  filename: string,
  failed: UnreadableImage[],
  score: () => Promise<ItemScore>,
): Promise<ItemScore | null> {
  try {
    return await readOrList(filename, failed, score);
  } catch (error) {
    if (!VqraeError.isInstance(error) || error.code !== "UNSUPPORTED") throw error;
    failed.push({ filename, message: error.message });
    return null;
  }
}

async function answersOf(
  { id, questions }: DpgItem,
  crops: readonly RgbImage[],
  evaluator: DpgEvaluator,
): Promise<CropAnswers[]> {
  if ("answers" in evaluator) {
    const given = evaluator.answers.get(id) ?? [];
    return crops.map((_, index) => new Map([...(given[index] ?? [])].map(([key, answer]) => [key, answer === "yes"])));
  }
  const all: CropAnswers[] = [];
  for (const crop of crops) {
    const answers = new Map<number, boolean>();
    for (const question of questions) {
      answers.set(question.id, (await evaluator.judge.ask(crop, question.text)).answer === "yes");
    }
    all.push(answers);
  }
  return all;
}
