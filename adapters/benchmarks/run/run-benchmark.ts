import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { VqraeError } from "../../../sdk/index.ts";
import { expected } from "../../../sdk/kit.ts";
import type { VisionLanguageModel } from "../../vision-language-model.ts";
import type { Benchmark, Profile, ProfileName, Question, QuestionSource } from "../benchmark.ts";
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
  readonly model: VisionLanguageModel;
  /** The benchmark's files. */
  readonly data: QuestionSource;
  /** Default: the benchmark's first. */
  readonly profile?: ProfileName;
  /** Results lie in a folder in it, named after benchmark, profile and model. */
  readonly out: string;
  /** Questions that are asked at a time (default 1). */
  readonly concurrency?: number;
  /** Only the first questions; what is scored together is asked together. */
  readonly limit?: number;
  /**
   * Where the model fails on a question: "stop" (default) ends the run, "count" goes on, counts it as wrong and lists it;
   * the next run asks it again.
   */
  readonly onModelError?: "stop" | "count";
  readonly onProgress?: (progress: RunProgress) => void;
  /** Ends the run; the answers so far are kept, and the next run goes on from them. */
  readonly signal?: AbortSignal;
}

export interface RunProgress {
  readonly phase: "reading" | "asking" | "scoring";
  /** Questions whose answer is known, of this run and of those that it goes on from. */
  readonly done: number;
  readonly total: number;
}

export interface RunResult {
  /** Where run.json, predictions.jsonl, judgements.jsonl, scores.json and report.html lie. */
  readonly folder: string;
  readonly scores: Scores;
}

/**
 * Asks a model all questions of a benchmark and scores its answers. A run that was killed goes on where it was: answers are on
 * the disk as soon as they come, and none is asked for twice.
 *
 * @throws INVALID_DATA for what is wrong with the benchmark's files or the results folder, naming file and line;
 *   INVALID_ARGUMENT; what the model throws, unless it is counted; the signal's reason
 */
export async function runBenchmark(benchmark: Benchmark, options: RunOptions): Promise<RunResult> {
  const { model, data, out, limit, signal, onProgress } = options;
  const concurrency = positive("concurrency", options.concurrency ?? 1);
  if (limit !== undefined) positive("limit", limit);
  const [profileName, profile] = profileOf(benchmark, options.profile);
  onProgress?.({ phase: "reading", done: 0, total: 0 });
  const { questions } = await openQuestions(benchmark, data);
  const known = await survey(benchmark, questions(), limit, signal);
  const record: RunRecord = {
    benchmark: benchmark.name,
    profile: profileName,
    protocol: { ...profile.protocol },
    model: model.modelId,
    maxTokens: profile.maxTokens,
    limit: limit ?? null,
    questions: known.ids.length,
    data: await dataFiles(data.path),
  };
  const folder = join(out, `${benchmark.name}-${profileName}-${fileName(model.modelId)}`);
  await mkdir(folder, { recursive: true });
  await keepRunRecord(join(folder, "run.json"), record);
  const judgements = new Judgements(profile, known);
  const failures = new Failures();
  const ids = new Set(known.ids);
  const predictions = await Predictions.open(join(folder, "predictions.jsonl"), ids);
  let done = 0;
  try {
    await concurrently(questions(), concurrency, async (question) => {
      if (!ids.has(question.id)) return;
      await answer(question, { profile, predictions, judgements, failures }, options);
      onProgress?.({ phase: "asking", done: ++done, total: ids.size });
    });
  } finally {
    await predictions.close();
  }
  onProgress?.({ phase: "scoring", done, total: ids.size });
  return { folder, scores: await writeResults({ folder, benchmark, profile, record, judgements, failures }) };
}

/** One run's parts that all questions share. */
interface Run {
  readonly profile: Profile;
  readonly predictions: Predictions;
  readonly judgements: Judgements;
  readonly failures: Failures;
}

/** Asks one question unless its answer is known, and judges the answer. */
async function answer(question: Question, run: Run, { model, onModelError = "stop", signal }: RunOptions) {
  const { profile, predictions, judgements, failures } = run;
  signal?.throwIfAborted();
  const images = await decodableImages(question).catch((error: Error) => error);
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

function profileOf({ name, profiles }: Benchmark, wanted: ProfileName | undefined): [ProfileName, Profile] {
  const names = Object.keys(profiles) as ProfileName[];
  const found = wanted ?? names[0]!;
  const profile = profiles[found];
  if (profile) return [found, profile];
  throw expected("INVALID_ARGUMENT", `one of ${names.join(", ")}`, `the profile of ${name}`, wanted);
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw expected("INVALID_ARGUMENT", "a whole number above 0", name, value);
}

/** A model's name may be a path. */
const fileName = (modelId: string): string => modelId.replaceAll(/[^\w.-]+/g, "_").slice(-80) || "model";
