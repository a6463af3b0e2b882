import * as z from "zod";
import type { Decoder } from "../contract/decoder.ts";
import { type Encoder, requireFeatureDim } from "../contract/encoder.ts";
import { rowsOf } from "../linear-algebra/matrices.ts";
import { addShare } from "../linear-algebra/vectors.ts";
import { CodebookUsage } from "../metrics/index.ts";
import { option, parseOptions } from "../options.ts";
import { zip } from "../zip.ts";
import type { LabelledFile } from "./image-folder.ts";
import { type FailedImage, noneReadable, readableImages } from "./readable-images.ts";

/** One vector an image, of each kind that the tokenizer has. */
export interface PooledFeatures {
  /** The images that could be read; the rows below are in their order. */
  readonly files: readonly LabelledFile[];
  /** The images that could not be read. */
  readonly failed: readonly FailedImage[];
  /** Continuous: the mean of the tokens' features. */
  readonly meanPatch: FeatureRows;
  /** Continuous; null for an encoder without a class token. */
  readonly classToken: FeatureRows | null;
  /**
   * Quantised: the mean of the tokens' codebook vectors, as the quantizer compares them, those of one token side by side; null
   * without a codebook.
   */
  readonly meanCode: FeatureRows | null;
  /** How often each id is used; null without a codebook. */
  readonly usage: CodebookUsage | null;
}

/** One vector an image. */
export interface FeatureRows {
  /** [images, dim], row-major. */
  readonly features: Float32Array;
  /** Numbers per vector. */
  readonly dim: number;
}

/** How `poolFeatures` reads images. */
export interface PoolFeaturesOptions {
  /** Images with more pixels are counted as failed (default 100 megapixels). */
  readonly maxPixels?: number | undefined;
  /** Called after each batch with the images done so far, and all of them. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Acts between batches. */
  readonly signal?: AbortSignal | undefined;
}

/** The fields of `PoolFeaturesOptions`, for those who check options that extend them. */
export const poolFeaturesFields = {
  maxPixels: option.integer(1),
  onProgress: option.callback<(done: number, total: number) => void>(),
  signal: option.signal,
};
const schema = z.strictObject(poolFeaturesFields);

/**
 * Encodes images in batches and keeps one vector of each kind for each image.
 * @throws INVALID_ARGUMENT where no image can be read, or for a wrong option; what `encode` throws
 */
export async function poolFeatures(
  tokenizer: Encoder & Decoder,
  files: readonly LabelledFile[],
  options: PoolFeaturesOptions = {},
): Promise<PooledFeatures> {
  const { maxPixels, onProgress, signal } = parseOptions(schema, options, "poolFeatures");
  const { codebook } = tokenizer.info;
  const featureDim = requireFeatureDim(tokenizer.info);
  const read: LabelledFile[] = [];
  const failed: FailedImage[] = [];
  const codeWidth = codebook ? codebook.dim * codebook.codesPerToken : undefined;
  const rows = { meanPatch: new Rows(featureDim), classToken: new Rows(featureDim), meanCode: new Rows(codeWidth) };
  const usage = codebook && new CodebookUsage(codebook.size);
  const onFailure = (failure: FailedImage) => failed.push(failure);
  for await (const batch of readableImages(files, { maxPixels, onFailure, signal })) {
    const images = batch.map(({ image }) => image);
    const tokens = await tokenizer.encode(images, signal ? { signal } : {});
    for (const [{ file }, { features, classToken, ids }] of zip(batch, tokens)) {
      read.push(file);
      rows.meanPatch.add(meanToken(features, featureDim));
      if (classToken) rows.classToken.add(classToken);
      if (ids && codebook && codeWidth !== undefined) {
        usage?.add(ids);
        rows.meanCode.add(meanToken(await tokenizer.codebookVectors(ids), codeWidth));
      }
    }
    onProgress?.(read.length + failed.length, files.length);
  }
  const meanPatch = rows.meanPatch.joined();
  if (meanPatch === null) throw noneReadable(failed);
  return {
    files: read,
    failed,
    meanPatch,
    classToken: rows.classToken.joined(),
    meanCode: rows.meanCode.joined(),
    usage,
  };
}

/** The mean of the tokens of `features` [tokens, dim]: [dim]. */
export function meanToken(features: Float32Array, dim: number): Float32Array {
  const mean = new Float64Array(dim);
  const token = new Float64Array(dim);
  for (const row of rowsOf(features, dim)) {
    token.set(row);
    addShare(mean, token, features.length / dim);
  }
  return new Float32Array(mean);
}

class Rows {
  readonly #dim: number;
  readonly #rows: Float32Array[] = [];

  constructor(dim = 0) {
    this.#dim = dim;
  }

  add(row: Float32Array): void {
    this.#rows.push(row);
  }

  /** null where there is no row. */
  joined(): FeatureRows | null {
    if (this.#rows.length === 0) return null;
    const features = new Float32Array(this.#rows.length * this.#dim);
    for (const [i, row] of this.#rows.entries()) features.set(row, i * this.#dim);
    return { features, dim: this.#dim };
  }
}
