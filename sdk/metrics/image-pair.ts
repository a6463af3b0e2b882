import type { RgbImage } from "../contract/image.ts";
import { expected, expectedBut } from "../errors.ts";

/** Checks that two images can be compared pixel by pixel: RGB of equal size. */
export function checkPair(a: RgbImage, b: RgbImage): void {
  checkImage(a, "the first image");
  checkImage(b, "the second image");
  if (a.width !== b.width || a.height !== b.height) {
    throw expectedBut(
      "INVALID_ARGUMENT",
      `${a.width} x ${a.height} pixels`,
      "the second image",
      sizeOf(b),
      "Resize one of the two: a metric compares pixel with pixel.",
    );
  }
}

function checkImage(image: RgbImage, subject: string): void {
  const { data, width, height } = image ?? {};
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw expected("INVALID_ARGUMENT", "{ data: 8-bit RGB bytes, width, height }", subject, data ?? image);
  }
  if (!isCount(width) || !isCount(height)) {
    throw expectedBut("INVALID_ARGUMENT", "a positive integer width and height", subject, sizeOf(image));
  }
  if (data.length !== width * height * 3) {
    throw expected("INVALID_ARGUMENT", `${width * height * 3} bytes (${width} x ${height} x 3)`, subject, data);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

/** "640 x 480 pixels", for messages. */
export const sizeOf = (image: RgbImage): string => `${image.width} x ${image.height} pixels`;
