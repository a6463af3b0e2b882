/**
 * The second public face, `vqrae/kit`: what you need to add a model family, a projector, a benchmark or a file format of
 * your own. CONTRIBUTING.md walks each addition.
 *
 * @module vqrae/kit
 */

export { type ActivationName, activationName, activations } from "./checkpoint/activations.ts";
export type {
  Activation,
  Checkpoint,
  EncoderSpec,
  FeatureSpec,
  ImageSpec,
  TransformerSpec,
  WeightDtype,
} from "./checkpoint/checkpoint.ts";
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
} from "./checkpoint/config-fields.ts";
export { isWeightDtype } from "./checkpoint/dtypes.ts";
export { isFile, isObject, type OpenFile, openFile, readExactly, readJsonObject } from "./checkpoint/files.ts";
export { describeNonFinite, type NonFiniteTensor, nonFiniteTensors } from "./checkpoint/finite-weights.ts";
export { fitProjector } from "./checkpoint/fit-projector.ts";
export { narrowBF16, narrowF16, widenBF16, widenF16 } from "./checkpoint/half.ts";
export { loadCheckpoint } from "./checkpoint/load-checkpoint.ts";
export { tileCount } from "./checkpoint/processor-fields.ts";
export { readTensor } from "./checkpoint/read-tensor.ts";
export { openSafetensors } from "./checkpoint/safetensors.ts";
export type { StoredTensor } from "./checkpoint/safetensors-header.ts";
export { openTensors } from "./checkpoint/shards.ts";
export { type TensorLookup, tensorLookup } from "./checkpoint/tensor-lookup.ts";
export { streamSafetensors, writeSafetensors } from "./checkpoint/write-safetensors.ts";
export { describe, expected, expectedBut } from "./errors.ts";
export { ioError, type NewFile, onDisk, replaceFile, writeWhole } from "./replace-file.ts";
export { findCheckpoint } from "./runtime/source.ts";
