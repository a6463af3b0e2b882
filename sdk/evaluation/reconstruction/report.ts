import { present } from "../../errors.ts";
import type { FailedImage } from "../readable-images.ts";
import type { ReconstructionCrop } from "./reconstruct.ts";

export interface ReconstructionReport {
  /** The tokenizer's model id. */
  readonly model: string;
  /** Images measured. */
  readonly images: number;
  readonly failed: readonly FailedImage[];
  readonly protocol: ReconstructionProtocol;
  /** Decibels of each image, 8-bit values. Infinite for an image that came back equal. */
  readonly psnr: Spread;
  /** null where decoded images are smaller than the window. */
  readonly ssimUniform: Spread | null;
  readonly ssimGaussian: Spread | null;
  /** Of all ids of all images; entropy in bits. */
  readonly codebook: {
    readonly size: number;
    readonly used: number;
    readonly utilization: number;
    readonly entropy: number;
    readonly perplexity: number;
  };
  /** null without a feature network. It is a Frechet distance on that network's features; FID on nothing but Inception's. */
  readonly frechet: {
    readonly network: string;
    readonly feature: string;
    readonly dim: number;
    readonly distance: number;
  } | null;
  /** null without taps. Not LPIPS. */
  readonly perceptual: (Spread & { readonly network: string; readonly taps: readonly string[] }) | null;
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

export interface ImageScores {
  readonly path: string;
  readonly psnr: number;
  readonly ssimUniform: number | null;
  readonly ssimGaussian: number | null;
  readonly perceptual: number | null;
}

/** Of one number for each image. */
export interface Spread {
  readonly mean: number;
  readonly median: number;
  readonly worst: number;
  readonly best: number;
}

/** `higherIsBetter` says which end is the best one. */
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

/** null where an image has no such number. */
export function spreadOfSome(values: readonly (number | null)[], higherIsBetter: boolean): Spread | null {
  const numbers = values.filter((value) => value !== null);
  return numbers.length === values.length ? spreadOf(numbers, higherIsBetter) : null;
}
