/**
 * The public face of `vqrae/generation`: pictures from words, by a language model with visual tokens.
 *
 * @module vqrae/generation
 */

export type { ExpandOptions } from "./expand/expand-options.ts";
export { expandVocabulary } from "./expand/expand-vocabulary.ts";
export type { NewRows } from "./expand/new-rows.ts";
export type {
  GeneratedImage,
  GenerateOptions,
  GenerationEvent,
  ImageEdit,
  ImageGenerator,
  ImageGeneratorInfo,
  ImageStart,
} from "./image-generator.ts";
export { loadGenerator } from "./load-generator.ts";
export type { GeneratorSource, GeneratorTokenizer, LoadGeneratorOptions } from "./load-options.ts";
export { type PresetName, presets } from "./sampling/presets.ts";
export type { GuidanceSchedule, Sampling } from "./sampling/sampling.ts";
export { recordVocabulary } from "./vocabulary/record-vocabulary.ts";
export type { PromptCase, VisualVocabulary } from "./vocabulary/visual-vocabulary.ts";
