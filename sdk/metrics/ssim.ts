import type { RgbImage } from "../contract/image.ts";
import { expectedBut } from "../errors.ts";
import { checkPair, sizeOf } from "./image-pair.ts";
import { channelOf, multiply, type Plane, padReflect, slide } from "./plane.ts";

/** (K1 L)² and (K2 L)² of Wang et al. 2004, with K1 = 0.01, K2 = 0.03 and 8-bit values, L = 255. */
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Sides of the windows in pixels. */
const UNIFORM_SIZE = 7;
/** The larger one: an image with a shorter side has no SSIM. */
export const GAUSSIAN_SIZE = 11;
const GAUSSIAN_SIGMA = 1.5;

/**
 * SSIM with a 7x7 uniform window and the unbiased covariance, the mean over the windows that lie inside the image,
 * then over channels. Equals skimage.metrics.structural_similarity(a, b, channel_axis=-1, data_range=255).
 * On the same pair it differs from `ssimGaussian` in the third digit: name the definition beside the number.
 * @throws INVALID_ARGUMENT for images of different sizes, or below 7 pixels a side
 */
export function ssimUniform(a: RgbImage, b: RgbImage): number {
  checkWindow(a, b, UNIFORM_SIZE);
  const weights = new Float64Array(UNIFORM_SIZE).fill(1 / UNIFORM_SIZE);
  const samples = UNIFORM_SIZE ** 2;
  return meanOverChannels((channel) =>
    similarity(channelOf(a, channel), channelOf(b, channel), weights, samples / (samples - 1)),
  );
}

/**
 * SSIM with an 11x11 Gaussian window (sigma 1.5), edges reflected, the mean over all pixels and channels.
 * Equals torchmetrics' StructuralSimilarityIndexMeasure(data_range=255) with its defaults, in float64.
 * @throws INVALID_ARGUMENT for images of different sizes, or below 11 pixels a side
 */
export function ssimGaussian(a: RgbImage, b: RgbImage): number {
  checkWindow(a, b, GAUSSIAN_SIZE);
  const weights = gaussian(GAUSSIAN_SIZE, GAUSSIAN_SIGMA);
  const padded = (image: RgbImage, channel: number) => padReflect(channelOf(image, channel), (GAUSSIAN_SIZE - 1) / 2);
  return meanOverChannels((channel) => similarity(padded(a, channel), padded(b, channel), weights, 1));
}

/** The mean of the SSIM map of two planes; `covarianceScale` turns a window's population moments into estimates. */
function similarity(x: Plane, y: Plane, weights: Float64Array, covarianceScale: number): number {
  const meanX = slide(x, weights).data;
  const meanY = slide(y, weights).data;
  const meanXX = slide(multiply(x, x), weights).data;
  const meanYY = slide(multiply(y, y), weights).data;
  const meanXY = slide(multiply(x, y), weights).data;
  let sum = 0;
  for (let i = 0; i < meanX.length; i++) {
    const mx = meanX[i]!;
    const my = meanY[i]!;
    const varianceX = covarianceScale * (meanXX[i]! - mx * mx);
    const varianceY = covarianceScale * (meanYY[i]! - my * my);
    const covariance = covarianceScale * (meanXY[i]! - mx * my);
    const luminance = (2 * mx * my + C1) / (mx * mx + my * my + C1);
    sum += (luminance * (2 * covariance + C2)) / (varianceX + varianceY + C2);
  }
  return sum / meanX.length;
}

function meanOverChannels(ofChannel: (channel: number) => number): number {
  return (ofChannel(0) + ofChannel(1) + ofChannel(2)) / 3;
}

function gaussian(size: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length: size }, (_, i) => Math.exp(-(((i - (size - 1) / 2) / sigma) ** 2) / 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function checkWindow(a: RgbImage, b: RgbImage, size: number): void {
  checkPair(a, b);
  if (Math.min(a.width, a.height) < size) {
    throw expectedBut("INVALID_ARGUMENT", `at least ${size} x ${size} pixels (the window)`, "SSIM", sizeOf(a));
  }
}
