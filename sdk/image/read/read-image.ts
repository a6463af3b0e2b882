import * as z from "zod";
import type { ImageInput, RgbImage } from "../../contract/image.ts";
import { option, parseOptions } from "../../options.ts";
import { copyPixels } from "../rgb-image.ts";
import { readPixels } from "./read-pixels.ts";

/** How `readImage` reads. */
export interface ReadImageOptions {
  /** Most pixels. Larger images are refused by their header, before they are decoded (default 100 megapixels). */
  readonly maxPixels?: number | undefined;
  /** Ends the reading of a Blob or a stream. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({ maxPixels: option.integer(1), signal: option.signal });

/**
 * Reads any image as new 8-bit RGB pixels, as Pillow's `ImageOps.exif_transpose(image).convert("RGB")` does: turned by
 * EXIF, by XMP or by AVIF's boxes, alpha dropped without blending, embedded profiles ignored, the first frame of an
 * animation, 16-bit colours cut to their high byte. Equal to Pillow's pixels but for these: 16-bit grey keeps its high
 * byte too (Pillow cuts all above 255 to white), transparent GIF pixels are black, and colours of AVIF files with chroma
 * subsampling differ (docs/fidelity.md says by how much). HEIC photos, whose HEVC codec sharp's own builds leave out, are
 * read by libheif where the package libheif-js is installed, and INVALID_IMAGE where it is not.
 * @throws INVALID_ARGUMENT, INVALID_IMAGE, IMAGE_TOO_LARGE or MISSING_DEPENDENCY; the signal's reason
 */
export async function readImage(input: ImageInput, options: ReadImageOptions = {}): Promise<RgbImage> {
  const { maxPixels, signal } = parseOptions(schema, options, "readImage");
  // toUint8Array of sharp copies on this thread too, and sharp 0.35.5 loses memory with it: 0.4 MB a photo, on average
  // over examples/images.
  return copyPixels(await readPixels(input, maxPixels, signal));
}
