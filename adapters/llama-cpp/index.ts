/**
 * The public face of `vqrae/llama-cpp`: images in the language models that llama.cpp runs.
 *
 * @module vqrae/llama-cpp
 */

export type {
  VisionLanguageModel,
  VlmAnswer,
  VlmMessage,
  VlmOptions,
  VlmPart,
  VlmPiece,
} from "../vision-language-model.ts";
export { type LoadVlmOptions, loadVlm } from "./chat/load-vlm.ts";
export type { AskOptions, Vlm } from "./chat/vlm.ts";
export {
  type LanguageModel,
  type LanguageModelOptions,
  languageModelFile,
  openLanguageModel,
} from "./language-model.ts";
export type { Gpu } from "./native/open-llama.ts";
export { type AppendOptions, type LogitRange, SequenceBatch } from "./sequence-batch.ts";
export { type ConvertedLlmOptions, type ConvertProgress, convertedModels } from "./source/converted-llm.ts";
export { languageModelOf } from "./source/language-model-of.ts";
export { openVision } from "./source/open-vision.ts";
export {
  type ResolveVlmOptions,
  resolveVision,
  resolveVlm,
  type VisionFiles,
  type VisionSource,
  type VlmFiles,
} from "./source/resolve-vlm.ts";
export { imagesAsTokens } from "./vision/images-as-tokens.ts";
export { type AttachVisionOptions, attachVision, type LlamaVision, type PromptPart } from "./vision/vision.ts";
