import type { Decoder } from "../../contract/decoder.ts";
import type { Encoder } from "../../contract/encoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import type { Views } from "../../contract/views.ts";
import { expectedBut } from "../../errors.ts";
import { type CentreCrop, centreCrop } from "../../image/centre-crop.ts";
import { zip } from "../../zip.ts";

/** "none": the whole image, as the checkpoint's own preprocessing takes it. */
export type ReconstructionCrop = CentreCrop | "none";

/** An image, its ids and what the decoder makes of them. */
export interface Reconstruction {
  /** What a perfect reconstruction would be. */
  readonly original: RgbImage;
  /** What came back. */
  readonly decoded: RgbImage;
  /** The image's ids in raster order. */
  readonly ids: Int32Array;
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

/** Encodes and decodes images: one encoder pass, one decoder pass. */
export async function reconstructAll(
  tokenizer: Encoder & Decoder & Views,
  images: readonly RgbImage[],
  signal?: AbortSignal,
): Promise<Reconstruction[]> {
  const options = signal ? { signal } : {};
  const tokens = await tokenizer.encode(images, { features: false, ids: true, ...options });
  const ids = tokens.map((one) => one.ids);
  const decoded = await tokenizer.decode(ids, options);
  const originals = await Promise.all(images.map((image) => tokenizer.reconstructionTarget(image)));
  return zip(zip(originals, decoded), ids).map(([[original, decoded], ids]) => ({ original, decoded, ids }));
}
