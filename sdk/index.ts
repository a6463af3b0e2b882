export { VqraeError, type VqraeErrorCode } from "./errors.ts";
export { encodePng } from "./image/encode-png.ts";
export { readImage } from "./image/read-image.ts";
export type { LoadOptions, LoadProgress } from "./runtime/options.ts";
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
