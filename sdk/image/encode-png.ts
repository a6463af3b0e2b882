import type { RgbImage } from "../contract/image.ts";
import { loadSharp } from "./read/sharp.ts";
import { checkRgbImage } from "./rgb-image.ts";

/**
 * Encodes pixels as a PNG file's bytes, without loss.
 * @throws INVALID_ARGUMENT, INVALID_IMAGE or MISSING_DEPENDENCY.
 */
export async function encodePng(image: RgbImage): Promise<Uint8Array> {
  checkRgbImage(image, "the image to encode");
  const sharp = await loadSharp();
  const { data, width, height } = image;
  const png = await sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png()
    .toBuffer();
  return new Uint8Array(png);
}
