import type { RgbImage } from "../../contract/image.ts";
import { psnr, ssimGaussian, ssimUniform } from "../../metrics/index.ts";
import { GAUSSIAN_SIZE } from "../../metrics/ssim.ts";

export interface PixelScores {
  /** Infinite where the images are equal. */
  readonly psnr: number;
  /** null below the windows' size; only test models decode to so few pixels. */
  readonly ssimUniform: number | null;
  readonly ssimGaussian: number | null;
}

export function pixelScores(original: RgbImage, decoded: RgbImage): PixelScores {
  const large = Math.min(original.width, original.height) >= GAUSSIAN_SIZE;
  return {
    psnr: psnr(original, decoded),
    ssimUniform: large ? ssimUniform(original, decoded) : null,
    ssimGaussian: large ? ssimGaussian(original, decoded) : null,
  };
}
