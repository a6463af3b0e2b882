import type { RgbImage } from "../../contract/image.ts";
import { psnr, ssimGaussian, ssimUniform } from "../../metrics/index.ts";
import { GAUSSIAN_SIZE } from "../../metrics/ssim.ts";

/** How alike two images are, pixel by pixel. */
export interface PixelScores {
  /** Decibels. Infinite where the images are equal. */
  readonly psnr: number;
  /** -1 to 1; null below 11 pixels a side. */
  readonly ssimUniform: number | null;
  /** -1 to 1; null below 11 pixels a side. */
  readonly ssimGaussian: number | null;
}

/**
 * All pixel scores of two images of one size.
 * @throws INVALID_ARGUMENT for images of different sizes
 */
export function pixelScores(original: RgbImage, decoded: RgbImage): PixelScores {
  const large = Math.min(original.width, original.height) >= GAUSSIAN_SIZE;
  return {
    psnr: psnr(original, decoded),
    ssimUniform: large ? ssimUniform(original, decoded) : null,
    ssimGaussian: large ? ssimGaussian(original, decoded) : null,
  };
}
