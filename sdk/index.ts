/**
 * The public face of `vqrae`: images to features and ids, ids to pixels.
 *
 * @module vqrae
 */

export type { Classifier, ClassifyOptions, ClassScore } from "./contract/classifier.ts";
export {
  type DecodeOptions,
  type DecodeProgress,
  type Decoder,
  type DecoderInfo,
  type DecoderSampling,
  decodesIds,
  type IdDecoderInfo,
  type TokenIds,
} from "./contract/decoder.ts";
export type { Embedder, EmbedderInfo, EmbedOptions, ImageEmbeddings, ImageSegment } from "./contract/embedder.ts";
export {
  type CodebookInfo,
  type Defaults,
  type Encoded,
  type EncodeOptions,
  type Encoder,
  type EncoderInfo,
  hasCodebook,
  type ImageIds,
  type ImageTokens,
  idsPerImage,
  type ModelInfo,
} from "./contract/encoder.ts";
export type { DecodeFeaturesOptions, FeatureDecoder } from "./contract/feature-decoder.ts";
export type { IdHead, IdHeadOptions } from "./contract/id-head.ts";
export type { ImageInput, ImageRegion, ImageSize, ImageStream, RgbImage, TokenGrid } from "./contract/image.ts";
export {
  type DeepstackLevel,
  defineProjector,
  type ImageLayout,
  type Projector,
  type ProjectorFeatures,
  type ProjectorInfo,
  type ProjectorOp,
  type TileLayout,
} from "./contract/projector.ts";
export type { VideoInput } from "./contract/video.ts";
export type { Views } from "./contract/views.ts";
export type { VisionTokenizer, VisionTokenizerInfo } from "./contract/vision-tokenizer.ts";
export { VqraeError, type VqraeErrorCode, type VqraeErrorDetails } from "./errors.ts";
export type { VideoSettings } from "./families/image/video-settings.ts";
export { type LoadProjectorOptions, loadProjector } from "./families/projector/load-projector.ts";
export { type CentreCrop, centreCrop } from "./image/centre-crop.ts";
export { encodePng } from "./image/encode-png.ts";
export { type ReadImageOptions, readImage } from "./image/read/read-image.ts";
export { resize } from "./image/resize/resize.ts";
export { type AnyresOptions, anyresTiles } from "./image/tiling/anyres-tiles.ts";
export { type DynamicTilesOptions, dynamicTiles } from "./image/tiling/dynamic-tiles.ts";
export { naflexSize, type SmartResizeOptions, smartResize } from "./image/tiling/native-size.ts";
export { padToSquare } from "./image/tiling/pad-to-square.ts";
export type { Resample, Tiling } from "./image/view-plan.ts";
export { loadTokenizer } from "./load-tokenizer.ts";
export { type DeviceReport, probeDevices } from "./runtime/devices/probe-devices.ts";
export type { LoadOptions, LoadProgress } from "./runtime/options.ts";
export type { ExecutionProvider, GpuProvider, Precision } from "./runtime/pool/protocol.ts";
export { VQRAE } from "./vqrae.ts";
export type { NormRef, TensorRef } from "./weights/tensor-ref.ts";
