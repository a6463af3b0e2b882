/**
 * The second public face, `vqrae/kit`: what you need to add a model family, a projector, a benchmark or a file format of
 * your own. CONTRIBUTING.md walks each addition.
 *
 * @module vqrae/kit
 */

export { defineEncoder, type EncoderParts } from "./contract/define-encoder.ts";
export { requireFeatureDim } from "./contract/encoder.ts";
export { eachImage } from "./contract/image-inputs.ts";
export { type RequestedOutputs, requestedOutputs } from "./contract/requested-outputs.ts";
export { checkIds, type DecoderInput, type DecoderTokens, decoderInput } from "./contract/token-ids.ts";
export { describe, expected, expectedBut, present, printable } from "./errors.ts";
export { inSteps, joinInSteps, ownTurn } from "./event-loop/in-steps.ts";
export { LinkedAbortController } from "./event-loop/linked-abort-controller.ts";
export { wait } from "./event-loop/wait.ts";
export { isGgufPath, openCheckpoint } from "./families/checkpoint.ts";
export { defineModel, type ModelParts } from "./families/define-model.ts";
export { defineFamily, type Family, type FamilySource } from "./families/family.ts";
export { type ActivationName, activationName, activations } from "./families/fields/activations.ts";
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
} from "./families/fields/config-fields.ts";
export { knownSection, type UnreadFields } from "./families/fields/known-section.ts";
export { unreadConfigFields } from "./families/fields/unread-config-fields.ts";
export { findCheckpoint, isPackagedCheckpoint } from "./families/find-checkpoint.ts";
export {
  defineImageProcessor,
  type EncoderImages,
  type ImageConsumer,
  type ImageProcessor,
  type RawFields,
  type Refuse,
} from "./families/image/image-processor.ts";
export type { PixelDefaults, PixelFields, Triple } from "./families/image/pixel-fields.ts";
export { plainProcessor } from "./families/image/plain-processor.ts";
export { readImagePlan } from "./families/image/read-image-plan.ts";
export type { SquareDefaults } from "./families/image/square-fields.ts";
export { tileCount } from "./families/image/tile-fields.ts";
export { MMPROJ_POSITIONS_KEY } from "./families/mmproj/mmproj-keys.ts";
export { mmprojBlockNames, mmprojTowerNames } from "./families/mmproj/tower-names.ts";
export type {
  BuildGraph,
  DecoderFacts,
  EncoderFacts,
  EncoderGraph,
  FeatureChoice,
  Model,
  ModelBase,
  ModelGraphs,
  ModelSummary,
  ModelWeights,
  ProjectorSpec,
  Tower,
} from "./families/model.ts";
export * as projectorParts from "./families/projector/parts.ts";
export {
  defineProjectorFamily,
  type ProjectorFamily,
  type ReadProjector,
} from "./families/projector/projector-family.ts";
export { modelOf, readModel } from "./families/read-model.ts";
export { whileLocked } from "./files/lock.ts";
export { packageFile, workerFile } from "./files/package-file.ts";
export { parseJson } from "./files/parse-json.ts";
export {
  isFile,
  isObject,
  type OpenFile,
  openFile,
  readExactly,
  readJsonObject,
  requireSameFile,
  systemCode,
  systemReason,
} from "./files/read-file.ts";
export { identityOf, openRegularFile, readRegularFile, regularFileChunks } from "./files/regular-file.ts";
export { createFile, ioError, type NewFile, onDisk, replaceFile, writeAll, writeWhole } from "./files/replace-file.ts";
export { requireRoom } from "./files/require-room.ts";
export { temporaryBeside } from "./files/temporary-file.ts";
export { type BufferedImage, bufferedImage } from "./image/read/buffered-image.ts";
export { type AlphaPlane, readAlpha } from "./image/read/read-pixels.ts";
export { roundHalfEven } from "./image/round-half-even.ts";
export type { NativePlan, SquarePlan, ViewPlan } from "./image/view-plan.ts";
export { seededRandom } from "./metrics/seeded-random.ts";
export { type Activation, activation, silu, swiglu } from "./nn/layers/activation.ts";
export { type AttentionOptions, attention } from "./nn/layers/attention.ts";
export {
  type ConvolutionOptions,
  convolution,
  depthToSpace,
  doubled,
  halved,
  interpolate,
} from "./nn/layers/convolution.ts";
export { linears } from "./nn/layers/linears.ts";
export {
  type AdaptiveGroupNormRef,
  adaptiveGroupNorm,
  groupNorm,
  norm,
  rmsNorm,
  standardise,
  unitLength,
} from "./nn/layers/norm.ts";
export { type PatchPicture, patchPictures, pictureBytes } from "./nn/layers/picture-bytes.ts";
export { signVectors } from "./nn/layers/sign-codes.ts";
export { transformerBlock } from "./nn/layers/transformer-block.ts";
export type { BlockRef, TransformerSpec } from "./nn/layers/transformer-spec.ts";
export { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "./nn/onnx/graph-builder.ts";
export { type Attribute, DataType, type Dimension } from "./nn/onnx/onnx-proto.ts";
export { ggmlActivation } from "./nn/ops/activation.ts";
export type { MmprojForm, MmprojTensor } from "./nn/ops/op.ts";
export { type MmprojStep, mmprojForm } from "./nn/ops/projector-op.ts";
export type { RotaryVitSpec } from "./nn/rotary-vit/spec.ts";
export type { FeatureSpec, PositionsRef, VitSpec } from "./nn/vit/vit-spec.ts";
export { option, parseOptions } from "./options.ts";
export { defaultCacheFolder } from "./runtime/made-weights/cache-folder.ts";
export { filesOf, type MadeFile, madeWeights, namesIn, removeMade } from "./runtime/made-weights/made-files.ts";
export { parseDecodeOptions, parseEmbedOptions, parseEncodeOptions } from "./runtime/options.ts";
export { Gate } from "./runtime/pool/gate.ts";
export { disposedError } from "./runtime/pool/worker-pool.ts";
export { type DrawRule, drawOptions, MAX_GUIDANCE_SCALE } from "./sampling/draw-rule.ts";
export { guide } from "./sampling/guide.ts";
export { logLikelihood } from "./sampling/log-likelihood.ts";
export { uniformNumbers } from "./sampling/random.ts";
export { Sampler } from "./sampling/sampler.ts";
export { setFields } from "./set-fields.ts";
export { isStridedWeight, isWeightDtype, requireFloats } from "./weights/dtypes.ts";
export { describeNonFinite, type NonFiniteTensor, nonFiniteTensors, parametersOf } from "./weights/finite-weights.ts";
export {
  type FixedSize,
  type FixedType,
  type FixedValue,
  fixedSizes,
  idOf as ggufTypeId,
  isFixedSize,
} from "./weights/gguf/fixed-size.ts";
export {
  type DescribedTensor,
  type GgufFile,
  type GgufHeader,
  type GgufTensor,
  ggufTensorOf,
} from "./weights/gguf/gguf-file.ts";
export * as ggufLimits from "./weights/gguf/limits.ts";
export { readGguf } from "./weights/gguf/read-gguf.ts";
export {
  readGgufTensor,
  readGgufTensorBytes,
  readGgufTensorPieces,
  readGgufTensorRows,
} from "./weights/gguf/read-tensor.ts";
export {
  decodeGgufTensor,
  encodeGgufTensor,
  type GgufFloatType,
  isBlockDtype,
  isGgufFloatType,
} from "./weights/gguf/tensor-data.ts";
export {
  blockSize as ggufBlockSize,
  type GgufTensorType,
  isTensorType as isGgufTensorType,
  tensorBytes as ggufTensorBytes,
  tensorTypeId as ggufTensorTypeId,
  tensorTypeNames as ggufTensorTypes,
} from "./weights/gguf/tensor-types.ts";
export {
  type GgufArray,
  type GgufBigintType,
  type GgufNumberType,
  type GgufScalar,
  type GgufScalarType,
  type GgufValue,
  ggufValue,
  isNumberList,
} from "./weights/gguf/values.ts";
export { narrowBF16, narrowF16, widenBF16, widenF16 } from "./weights/half.ts";
export type { Floats } from "./weights/made/floats.ts";
export { type FolderTensor, isWeightsPath, openFolderTensors, openTensors } from "./weights/open-tensors.ts";
export { readTensor } from "./weights/read-tensor.ts";
export { openSafetensors, type SafetensorsFile } from "./weights/safetensors/open-safetensors.ts";
export type { StoredTensor } from "./weights/safetensors/safetensors-header.ts";
export {
  streamSafetensors,
  type TensorLayout,
  type TensorToWrite,
  type WriteTensor,
  writeSafetensors,
} from "./weights/safetensors/write-safetensors.ts";
export { type CheckpointTensor, type TensorLookup, tensorLookup } from "./weights/tensor-lookup.ts";
export type { AnyLinearRef, LinearGroup, LinearRef, StridedDtype, WeightDtype } from "./weights/tensor-ref.ts";
export {
  isTorchPath,
  openTorchFile,
  type TorchFile,
  type TorchFileTensor,
} from "./weights/torch-zip/open-torch-file.ts";
export type { Pickled } from "./weights/torch-zip/pickle-values.ts";
