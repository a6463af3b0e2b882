import { present } from "../../errors.ts";
import type { FailedImage } from "../readable-images.ts";
import type { ReconstructionCrop } from "./reconstruct.ts";

/** What `evaluateReconstruction` measured. */
export interface ReconstructionReport {
  /** The tokenizer's model id. */
  readonly model: string;
  /** How many images were measured. */
  readonly images: number;
  /** The images that could not be read. */
  readonly failed: readonly FailedImage[];
  readonly protocol: ReconstructionProtocol;
  /** Decibels of each image, 8-bit values. Infinite for an image that came back equal. */
  readonly psnr: Spread;
  /** null where decoded images are smaller than the window. */
  readonly ssimUniform: Spread | null;
  readonly ssimGaussian: Spread | null;
  /** Use of the codebook over all images; entropy in bits. null for a tokenizer without one. */
  readonly codebook: {
    readonly size: number;
    readonly used: number;
    readonly utilization: number;
    readonly entropy: number;
    readonly perplexity: number;
  } | null;
  /** The Frechet distance on a feature network; null without one. It is FID only on Inception's features. */
  readonly frechet: {
    readonly network: string;
    readonly feature: string;
    readonly dim: number;
    readonly distance: number;
  } | null;
  /** The perceptual distance over a feature network's taps; null without taps. It is not LPIPS. */
  readonly perceptual: (Spread & { readonly network: string; readonly taps: readonly string[] }) | null;
  /**
   * The seams of the decoder's squares: the mean step across them over the mean step inside them, on the reconstructions and on
   * the originals (about 1). null where there is no one grid of tokens.
   */
  readonly blocking: { readonly decoded: number; readonly original: number } | null;
  /** What a classifier still knows; null without one. */
  readonly recognition: {
    /** How many classes it chooses from. */
    readonly classes: number;
    /** The share of images whose most probable class is the original's. */
    readonly same: number;
    /** Its top-1 accuracy on both, over the images whose folder is named as a class; null without any. */
    readonly right: { readonly images: number; readonly original: number; readonly decoded: number } | null;
  } | null;
  readonly perImage: readonly ImageScores[];
}

/** What must be the same for two reports to be compared. */
export interface ReconstructionProtocol {
  readonly crop: ReconstructionCrop;
  /** Pixels a side that `crop` cuts to, and that the encoder sees; null where there is no one size. */
  readonly inputSize: number | null;
  /** Pixels a side of what is compared. */
  readonly outputSize: number;
  readonly precision: string;
}

/** The scores of one image. */
export interface ImageScores {
  /** The image file. */
  readonly path: string;
  readonly psnr: number;
  readonly ssimUniform: number | null;
  readonly ssimGaussian: number | null;
  readonly perceptual: number | null;
}

/** How one number is spread over images. */
export interface Spread {
  readonly mean: number;
  readonly median: number;
  readonly worst: number;
  readonly best: number;
}

/**
 * The spread of one number an image, of one image or more.
 * @param higherIsBetter whether the largest number is the best one
 */
export function spreadOf(values: readonly number[], higherIsBetter: boolean): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => present(sorted[index], "the number of an image");
  const [least, most] = [at(0), at(sorted.length - 1)];
  const middle = sorted.length / 2;
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    median: (at(Math.ceil(middle) - 1) + at(Math.floor(middle))) / 2,
    worst: higherIsBetter ? least : most,
    best: higherIsBetter ? most : least,
  };
}

/** The same; null where an image has no such number. */
export function spreadOfSome(values: readonly (number | null)[], higherIsBetter: boolean): Spread | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === values.length ? spreadOf(numbers, higherIsBetter) : null;
}
