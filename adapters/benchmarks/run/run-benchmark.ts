import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { VqraeError, type VqraeErrorCode } from "../../../sdk/index.ts";
import { expected, isObject, onDisk, option, parseOptions } from "../../../sdk/kit.ts";
import type { VisionLanguageModel } from "../../vision-language-model.ts";
import type { Benchmark, Profile, Question, QuestionSource } from "../benchmark.ts";
import { checkBenchmark } from "../define-benchmark.ts";
import { Failures } from "../report/failures.ts";
import type { Scores } from "../report/scores.ts";
import { writeResults } from "../report/write-results.ts";
import { ask, decodableImages } from "./ask.ts";
import { concurrently } from "./concurrently.ts";
import { dataFiles } from "./data-files.ts";
import { Judgements } from "./judge-answers.ts";
import { openQuestions } from "./open-questions.ts";
import { Predictions } from "./predictions.ts";
import { keepRunRecord, type RunRecord } from "./run-record.ts";
import { survey } from "./survey.ts";

export interface RunOptions {
  /** It is asked one question a conversation, at temperature 0. */
  readonly model: Pick<VisionLanguageModel, "modelId" | "chat">;
  /** The benchmark's files. */
  readonly data: QuestionSource;
  /** Default: the benchmark's first. */
  readonly profile?: string | undefined;
  /** The results folder is made in this one; its name is made of benchmark, profile and model. */
  readonly out: string;
  /** Questions that are asked at a time (default 1). */
  readonly concurrency?: number | undefined;
  /** Asks the first questions alone, so many or a few more: what is scored together is asked together. */
  readonly limit?: number | undefined;
  /**
   * What happens if the model fails on a question: "stop" (default) ends the run, "count" counts the question as wrong,
   * lists it and goes on. The next run asks it again.
   */
  readonly onModelError?: "stop" | "count" | undefined;
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
  /** Ends the run. The answers so far are kept, and the next run goes on from them. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  model: z
    .custom<RunOptions["model"]>(
      (value) => isObject(value) && typeof value.modelId === "string" && typeof value.chat === "function",
    )
    .describe("a vision language model, with modelId and chat"),
  data: z
    .strictObject({ path: z.string().min(1), images: z.string().min(1).optional() })
    .describe("{ path, images? } of the benchmark's files"),
  profile: option.text("the name of a profile"),
  out: z.string().min(1).describe("the path of a folder"),
  concurrency: option.integer(1),
  limit: option.integer(1),
  onModelError: option.oneOf("stop", "count"),
  onProgress: option.callback<(progress: RunProgress) => void>(),
  signal: option.signal,
});

export interface RunProgress {
  readonly phase: "reading" | "asking" | "scoring";
  /** Questions whose answer is known, of this run and of those that it goes on from. */
  readonly done: number;
  readonly total: number;
}

export interface RunResult {
  /** The folder of run.json, predictions.jsonl, judgements.jsonl, scores.json and report.html. */
  readonly folder: string;
  readonly scores: Scores;
}

/**
 * Asks a model all questions of a benchmark, a built-in one or your own, and scores its answers. A run that was killed
 * goes on where it was: answers are on the disk as soon as they come, and none is asked for twice.
 *
 * @throws INVALID_DATA for what is wrong with the benchmark's files or the results folder, with file and line, and if not
 *   one question was answered; INVALID_ARGUMENT; IO_ERROR; what the model throws, unless it is counted; the signal's reason
 */
export async function runBenchmark(benchmark: Benchmark, options: RunOptions): Promise<RunResult> {
  checkBenchmark(benchmark, "runBenchmark");
  const parsed = parseOptions(schema, options, "runBenchmark");
  const { model, data, out, concurrency = 1, limit, signal, onProgress } = parsed;
  const [profileName, profile] = profileOf(benchmark, parsed.profile);
  onProgress?.({ phase: "reading", done: 0, total: 0 });
  const { questions } = await openQuestions(benchmark, data);
  const asked = await survey(benchmark, questions(), limit, signal);
  const record: RunRecord = {
    benchmark: benchmark.name,
    profile: profileName,
    protocol: { ...profile.protocol },
    model: model.modelId,
    maxTokens: profile.maxTokens,
    limit: limit ?? null,
    questions: asked.size,
    data: await dataFiles(data.path),
  };
  const folder = join(out, `${benchmark.name}-${profileName}-${fileName(model.modelId)}`);
  await onDisk(folder, () => mkdir(folder, { recursive: true }));
  await keepRunRecord(join(folder, "run.json"), record);
  const judgements = new Judgements(profile, asked);
  const failures = new Failures();
  const predictions = await Predictions.open(join(folder, "predictions.jsonl"), asked);
  let done = 0;
  try {
    await concurrently(questions(), concurrency, async (question) => {
      if (!asked.has(question.id)) return;
      await answer(question, { profile, predictions, judgements, failures }, parsed);
      onProgress?.({ phase: "asking", done: ++done, total: asked.size });
    });
  } finally {
    await predictions.close();
  }
  judgements.requireAnswers(data.path);
  onProgress?.({ phase: "scoring", done, total: asked.size });
  return { folder, scores: await writeResults({ folder, benchmark, profile, record, judgements, failures }) };
}

/** One run's parts that all questions share. */
interface Run {
  readonly profile: Profile;
  readonly predictions: Predictions;
  readonly judgements: Judgements;
  readonly failures: Failures;
}

/** The image is at fault, and not the disk or the program. */
const IMAGE_FAULTS: readonly VqraeErrorCode[] = ["INVALID_DATA", "INVALID_IMAGE", "IMAGE_TOO_LARGE"];

/** Asks one question unless its answer is known, and judges the answer. */
async function answer(question: Question, run: Run, { model, onModelError = "stop", signal }: z.infer<typeof schema>) {
  const { profile, predictions, judgements, failures } = run;
  signal?.throwIfAborted();
  const images = await decodableImages(question).catch((error: unknown) => {
    if (VqraeError.isInstance(error) && IMAGE_FAULTS.includes(error.code)) return error;
    throw error;
  });
  if (images instanceof Error) return judgements.unanswered(question, judgements.undecodable, images);
  let prediction = predictions.get(question.id);
  if (!prediction) {
    try {
      prediction = await ask(model, profile, question, images, signal);
    } catch (error) {
      if (onModelError === "stop" || signal?.aborted || !VqraeError.isInstance(error)) throw error;
      return judgements.unanswered(question, judgements.failed, error);
    }
    await predictions.add(prediction);
  }
  const judged = judgements.answered(question, prediction.answer);
  if (judged.score < 1) await failures.consider(question, judged, prediction.answer, images);
}

function profileOf({ name, profiles }: Benchmark, wanted: string | undefined): [string, Profile] {
  const found = Object.entries(profiles).find(([profile]) => wanted === undefined || profile === wanted);
  if (found) return found;
  const names = Object.keys(profiles).join(", ");
  throw expected("INVALID_ARGUMENT", `one of ${names}`, `the profile of ${name}`, wanted);
}

/** A model's name may be a path. */
const fileName = (modelId: string): string => modelId.replaceAll(/[^\w.-]+/g, "_").slice(-80) || "model";
