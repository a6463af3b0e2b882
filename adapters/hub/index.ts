/**
 * Vision language models from the Hugging Face hub.
 *
 * @module vqrae/hub
 */

export { type CatalogueModel, catalogue, catalogueChecked, roughBytes } from "./catalogue.ts";
export { isModelName } from "./model-name.ts";
export type { ConvertedType, PlannedFile, PullPlan } from "./plan-pull.ts";
export { hubCacheFolder } from "./plan-pull.ts";
export {
  type PulledCheckpoint,
  type PulledGguf,
  type PulledModel,
  type PullOptions,
  type PullProgress,
  pullModel,
} from "./pull-model.ts";
