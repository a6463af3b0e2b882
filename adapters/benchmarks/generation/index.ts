/** Benchmarks of image generation, and the judge that can stand in for their evaluators. */
export * from "./dpg-bench/index.ts";
export * from "./geneval/index.ts";
export type { UnreadableImage } from "./unreadable-images.ts";
export { type JudgedAnswer, NOT_COMPARABLE, type VlmJudgeOptions, vlmJudge, type YesNoJudge } from "./yes-no-judge.ts";
