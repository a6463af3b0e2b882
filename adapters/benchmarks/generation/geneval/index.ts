export { DETECTION_LIMITS, type Detection, type DetectionLimits, keptObjects, readDetections } from "./detections.ts";
export { evaluateImage, type ImageVerdict } from "./evaluate-image.ts";
export { type Box, intersectionOverUnion, type Relation, relativePosition } from "./geometry.ts";
export { judgeImage, judgeQuestions } from "./judge-image.ts";
export {
  COLORS,
  type Color,
  type GenEvalPrompt,
  type GeneratedImage,
  generatedImages,
  type IncludeClause,
  readGenEvalPrompts,
  writeGenEvalFolders,
} from "./prompts.ts";
export { type GenEvalEvaluator, type GenEvalOptions, type GenEvalReport, runGenEval } from "./run-geneval.ts";
export { type GenEvalResult, type GenEvalSummary, summarizeGenEval } from "./summary.ts";
