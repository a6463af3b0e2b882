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

/** Raw pixels that `checkRawImage` takes, as RGB: RGB as it is, RGBA without alpha, grey three times. */
export function rawToRgb(image: RgbImage): RgbImage {
  const { data, width, height } = image;
  const pixels = width * height;
  const channels = data.length / pixels;
  if (channels === 3) return image;
  const rgb = new Uint8Array(pixels * 3);
  const [green, blue] = channels === 1 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < rgb.length; from += channels) {
    rgb[to++] = data[from]!;
    rgb[to++] = data[from + green]!;
    rgb[to++] = data[from + blue]!;
  }
  return { data: rgb, width, height };
}

/** The alpha of raw RGBA pixels, one byte each; null for RGB and grey. */
export function alphaOfRaw({ data, width, height }: RgbImage): Uint8Array | null {
  if (data.length !== width * height * 4) return null;
  return Uint8Array.from({ length: width * height }, (_, i) => data[4 * i + 3]!);
}

/** Checks raw pixels as apps have them: RGB, RGBA or grey. @throws as `checkRgbImage` */
export const checkRawImage = (image: RgbImage): void => checkPixels(image, "the raw image", [3, 4, 1]);

/**
 * Checks that `image` holds width * height RGB pixels.
 * @throws INVALID_IMAGE for no pixels, INVALID_ARGUMENT for everything else that is wrong.
 */
export const checkRgbImage = (image: RgbImage, subject = "the raw image"): void => checkPixels(image, subject, [3]);

/** By bytes a pixel. */
const KINDS = { 1: "grey", 3: "RGB", 4: "RGBA" } as const;

function checkPixels(image: RgbImage, subject: string, channels: readonly (keyof typeof KINDS)[]): void {
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
  if (channels.some((count) => data.length === width * height * count)) return;
  const sizes = channels.map(
    (count) => `${width * height * count} bytes (${width} x ${height} ${KINDS[count]} pixels)`,
  );
  const mend = "Raw pixels have 8 bits a channel and no row padding.";
  throw expectedBut("INVALID_ARGUMENT", sizes.join(" or "), `data of ${subject}`, describe(data), mend);
}
