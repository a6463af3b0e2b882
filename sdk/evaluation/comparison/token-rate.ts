import { type CodebookInfo, type EncoderInfo, idsPerImage } from "../../contract/encoder.ts";
import type { ImageSize } from "../../contract/image.ts";

/** What the ids of one image cost, without an entropy coder. */
export interface TokenRate {
  /** Of all scales, where there are several. */
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
  { maxTokens }: Pick<EncoderInfo, "maxTokens">,
  codebook: CodebookInfo,
  { width, height }: ImageSize,
): TokenRate {
  const { codesPerToken } = codebook;
  const bitsPerCode = Math.log2(codebook.size);
  const ids = idsPerImage(codebook, { rows: 1, columns: maxTokens });
  const tokens = ids / codesPerToken;
  const bits = ids * bitsPerCode;
  return { tokens, codesPerToken, bitsPerCode, bytes: Math.ceil(bits / 8), bitsPerPixel: bits / (width * height) };
}
