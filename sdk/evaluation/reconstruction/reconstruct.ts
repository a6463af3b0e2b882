import type { DecodeOptions, Decoder } from "../../contract/decoder.ts";
import type { Encoder } from "../../contract/encoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import type { Views } from "../../contract/views.ts";
import { expectedBut } from "../../errors.ts";
import { type CentreCrop, centreCrop } from "../../image/centre-crop.ts";
import { zip } from "../../zip.ts";

/** "none": the whole image, as the checkpoint's own preprocessing takes it. */
export type ReconstructionCrop = CentreCrop | "none";

/** An image, its ids or features, and what the decoder makes of them. */
export interface Reconstruction {
  /** What a perfect reconstruction would be. */
  readonly original: RgbImage;
  /** What came back. */
  readonly decoded: RgbImage;
  /** The image's ids in raster order; null for a tokenizer without a codebook, which decodes features. */
  readonly ids: Int32Array | null;
}

/**
 * A function that cuts an image as `crop` says, to the size that the encoder sees.
 * @throws UNSUPPORTED for a tokenizer without one input size
 */
export function cropFor(tokenizer: Pick<Encoder, "info">, crop: ReconstructionCrop): (image: RgbImage) => RgbImage {
  const { inputSize, modelId } = tokenizer.info;
  if (crop === "none") return (image) => image;
  if (inputSize === null) {
    const received = `${modelId}, which takes images of any size`;
    throw expectedBut(
      "UNSUPPORTED",
      "an encoder of one input size",
      `the crop "${crop}"`,
      received,
      'Take the crop "none".',
    );
  }
  return (image) => centreCrop(image, inputSize.width, crop);
}

/** Encodes and decodes images: one encoder pass, one decoder pass. `options` are the decoder's. @throws UNSUPPORTED for a tokenizer without a decoder */
export async function reconstructAll(
  tokenizer: Encoder & Decoder & Views,
  images: readonly RgbImage[],
  options: DecodeOptions = {},
): Promise<Reconstruction[]> {
  const { signal } = options;
  const { tokens, ids } = await encodeAll(tokenizer, images, signal ? { signal } : {});
  const decoded = await tokenizer.decode(tokens, options);
  const originals = await Promise.all(images.map((image) => tokenizer.reconstructionTarget(image)));
  return zip(originals, decoded).map(([original, decoded], i) => ({ original, decoded, ids: ids?.[i] ?? null }));
}

/** What the decoder takes of each image, and the ids where it takes these. */
export async function encodeAll(
  tokenizer: Encoder & Decoder,
  images: readonly RgbImage[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly tokens: readonly (Int32Array | Float32Array)[]; readonly ids: readonly Int32Array[] | null }> {
  if (tokenizer.info.decodes === "features") {
    const encoded = await tokenizer.encode(images, { features: true, ids: false, ...options });
    return { tokens: encoded.map(({ features }) => features), ids: null };
  }
  const encoded = await tokenizer.encode(images, { features: false, ids: true, ...options });
  const ids = encoded.map((one) => one.ids);
  return { tokens: ids, ids };
}
