export { readDpgAnswers, type SuppliedAnswers } from "./answers.ts";
export { dpgGrid, gridCrops } from "./grid.ts";
export { type DpgItem, type DpgQuestion, type DpgQuestionsOptions, readDpgItems } from "./questions.ts";
export { type DpgBenchOptions, type DpgEvaluator, type DpgReport, runDpgBench } from "./run-dpg-bench.ts";
export { type CropAnswers, type ItemScore, scoreItem } from "./score-item.ts";
export { type DpgSummary, summarizeDpg } from "./summary.ts";
