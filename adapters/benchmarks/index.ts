/**
 * The public face of `vqrae/benchmarks`: benchmarks of vision language models, scored as the published harnesses do.
 *
 * @module vqrae/benchmarks
 */

export type {
  VisionLanguageModel,
  VlmAnswer,
  VlmMessage,
  VlmOptions,
  VlmPart,
  VlmPiece,
} from "../vision-language-model.ts";
export type {
  Answers,
  Benchmark,
  BenchmarkData,
  Group,
  Judged,
  Judgement,
  Metrics,
  Option,
  Profile,
  Protocol,
  Question,
  QuestionImage,
  QuestionReader,
  QuestionSource,
} from "./benchmark.ts";
export { defineBenchmark } from "./define-benchmark.ts";
export { findBenchmark } from "./find-benchmark.ts";
export * from "./generation/index.ts";
export * from "./kit/index.ts";
export { clustersPage } from "./report/clusters-page.ts";
export { type CompareOptions, compareRuns } from "./report/compare-runs.ts";
export type { ChangedQuestion, Comparison } from "./report/comparison.ts";
export { testSentences } from "./report/comparison-page.ts";
export { rateDistortionPlot } from "./report/rate-distortion-plot.ts";
export { scoreText } from "./report/score-bars.ts";
export type { Figures, Score, Scores } from "./report/scores.ts";
export { type Figure, figures, figuresNote, tokenizersPage } from "./report/tokenizers-page.ts";
export type { DataFile } from "./run/data-files.ts";
export type { Unanswered } from "./run/judge-answers.ts";
export { type DataFormat, openQuestions } from "./run/open-questions.ts";
export { type RunOptions, type RunProgress, type RunResult, runBenchmark } from "./run/run-benchmark.ts";
export type { RunRecord } from "./run/run-record.ts";
export type { Interval } from "./statistics/bootstrap.ts";
export type { McNemar, PairedBootstrap } from "./statistics/paired-tests.ts";
export { benchmarks } from "./tasks/all.ts";
