import type { RgbImage } from "../contract/image.ts";
import { checkPair } from "./image-pair.ts";

/**
 * Peak signal-to-noise ratio of two 8-bit RGB images in decibels: 10 log10(255² / MSE), the mean over all pixels and
 * channels. Infinity for equal images. Average it over images, as the field does, not over one pooled error.
 * Equals skimage.metrics.peak_signal_noise_ratio on uint8.
 * @throws INVALID_ARGUMENT for images of different sizes
 */
export function psnr(a: RgbImage, b: RgbImage): number {
  checkPair(a, b);
  let squares = 0; // an integer below 2^53 for any image that fits into memory: the sum is exact
  for (let i = 0; i < a.data.length; i++) {
    const difference = a.data[i]! - b.data[i]!;
    squares += difference * difference;
  }
  return 10 * Math.log10(255 ** 2 / (squares / a.data.length));
}
