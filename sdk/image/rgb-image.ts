import type { RgbImage } from "../contract/image.ts";
import { describe, expected, expectedBut } from "../errors.ts";

/** Whether `value` looks like raw pixels rather than encoded bytes, a path or a URL. */
export function isRgbImage(value: unknown): value is RgbImage {
  return typeof value === "object" && value !== null && "data" in value && "width" in value && "height" in value;
}

/** The same pixels in memory of their own. */
export const copyPixels = ({ data, width, height }: RgbImage): RgbImage => ({
  data: new Uint8Array(data),
  width,
  height,
});

/**
 * Checks that `image` holds width * height RGB pixels.
 * @throws INVALID_IMAGE for no pixels, INVALID_ARGUMENT for everything else that is wrong.
 */
export function checkRgbImage(image: RgbImage, subject = "the raw image"): void {
  if (!isRgbImage(image)) throw expected("INVALID_ARGUMENT", "{ data, width, height }", subject, image);
  const { data, width, height } = image;
  if (width === 0 || height === 0) {
    throw expectedBut("INVALID_IMAGE", "at least one pixel", subject, `${width} x ${height} pixels`);
  }
  for (const [name, side] of Object.entries({ width, height })) {
    if (!Number.isSafeInteger(side) || side < 0) {
      throw expected("INVALID_ARGUMENT", "a positive integer", `${name} of ${subject}`, side);
    }
  }
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw expected("INVALID_ARGUMENT", "a Uint8Array", `data of ${subject}`, data);
  }
  if (data.length !== width * height * 3) {
    throw expectedBut(
      "INVALID_ARGUMENT",
      `${width * height * 3} bytes (${width} x ${height} RGB pixels)`,
      `data of ${subject}`,
      describe(data),
      "Raw pixels are 8-bit RGB without alpha or row padding.",
    );
  }
}
