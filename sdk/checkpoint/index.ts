/**
 * What adapters need to read checkpoints of their own: config.json field by field, and where each tensor lies; and whole
 * checkpoints, for those that write an encoder into another model.
 */
export { findCheckpoint } from "../runtime/source.ts";
export { type ActivationName, activationName, activations } from "./activations.ts";
export type { Activation, Checkpoint, EncoderSpec, TensorRef, WeightDtype } from "./checkpoint.ts";
export {
  epsilon,
  flag,
  integer,
  invalidConfig,
  looseSection,
  oneOf,
  parseConfig,
  positiveInteger,
  section,
} from "./config-fields.ts";
export { isFile, openFile, readExactly, readJsonObject } from "./files.ts";
export { fitProjector } from "./fit-projector.ts";
export { loadCheckpoint } from "./load-checkpoint.ts";
export { tileCount } from "./processor-fields.ts";
export { readTensor } from "./read-tensor.ts";
export type { StoredTensor } from "./safetensors-header.ts";
export { openTensors } from "./shards.ts";
export { type TensorLookup, tensorLookup } from "./tensor-lookup.ts";
export { streamSafetensors } from "./write-safetensors.ts";
