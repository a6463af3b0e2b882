import type { CodebookInfo, EncoderInfo } from "../../contract/encoder.ts";
import type { ImageSize } from "../../contract/image.ts";

/** What the ids of one image cost, without an entropy coder. */
export interface TokenRate {
  readonly tokens: number;
  readonly codesPerToken: number;
  /** log2 of the codebook's size. */
  readonly bitsPerCode: number;
  /** Of all ids of an image, rounded up. */
  readonly bytes: number;
  /** Bits over the pixels that come back. */
  readonly bitsPerPixel: number;
}

/** Of a tokenizer with one grid of `maxTokens` tokens. */
export function tokenRate(
  { maxTokens: tokens }: Pick<EncoderInfo, "maxTokens">,
  { size, codesPerToken }: CodebookInfo,
  { width, height }: ImageSize,
): TokenRate {
  const bitsPerCode = Math.log2(size);
  const bits = tokens * codesPerToken * bitsPerCode;
  return { tokens, codesPerToken, bitsPerCode, bytes: Math.ceil(bits / 8), bitsPerPixel: bits / (width * height) };
}
