export { VqraeError, type VqraeErrorCode } from "./errors.ts";
export { encodePng } from "./image/encode-png.ts";
export { readImage } from "./image/read-image.ts";
export { resize } from "./image/resize.ts";
export { type AnyresOptions, anyresTiles } from "./image/tiling/anyres-tiles.ts";
export { type DynamicTilesOptions, dynamicTiles } from "./image/tiling/dynamic-tiles.ts";
export { naflexSize, type SmartResizeOptions, smartResize } from "./image/tiling/native-size.ts";
export { padToSquare } from "./image/tiling/pad-to-square.ts";
export type { LoadOptions, LoadProgress } from "./runtime/options.ts";
export { type DeviceReport, probeDevices } from "./runtime/probe-devices.ts";
export type {
  DecodeOptions,
  EncodeOptions,
  ImageInput,
  ImageTokens,
  RgbImage,
  TokenGrid,
  TokenIds,
  VisionTokenizer,
  VisionTokenizerInfo,
} from "./vision-tokenizer.ts";
export { VQRAE } from "./vqrae.ts";
