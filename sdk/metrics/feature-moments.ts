import { expected, expectedBut } from "../errors.ts";
import { rowsOf } from "../linear-algebra/matrices.ts";
import { addScaled, addShare, entry } from "../linear-algebra/vectors.ts";
import { checkFeatures } from "./labelled-features.ts";

/** A covariance of more columns would take 512 MB. */
const MAX_DIM = 8192;

/**
 * Mean and covariance of feature vectors, gathered one after the other in float64 (Welford's update): memory does not
 * grow with their number. Equals numpy.mean and numpy.cov.
 */
export class FeatureMoments {
  /** Numbers per vector. */
  readonly dim: number;
  readonly #mean: Float64Array;
  /** The rows of [dim, dim], of which the upper triangle is used: sums of products of deviations from the mean. */
  readonly #products: readonly Float64Array[];
  #count = 0;

  constructor(dim: number) {
    if (!Number.isSafeInteger(dim) || dim < 1 || dim > MAX_DIM) {
      throw expected("INVALID_ARGUMENT", `an integer from 1 to ${MAX_DIM}`, "dim of feature moments", dim);
    }
    this.dim = dim;
    this.#mean = new Float64Array(dim);
    this.#products = rowsOf(new Float64Array(dim * dim), dim);
  }

  /** Vectors added so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds one vector [dim].
   * @throws INVALID_ARGUMENT for another length or a number that is not finite
   */
  add(vector: Float32Array | Float64Array): this {
    const { dim } = this;
    checkFeatures(vector, dim, 1, "a feature vector");
    this.#count += 1;
    const deviation = new Float64Array(vector);
    addScaled(deviation, -1, this.#mean);
    addShare(this.#mean, deviation, this.#count);
    const share = (this.#count - 1) / this.#count;
    this.#products.forEach((row, i) => {
      addScaled(row, share * entry(deviation, i), deviation, i);
    });
    return this;
  }

  /** [dim], a copy. */
  get mean(): Float64Array {
    return this.#mean.slice();
  }

  /**
   * The unbiased estimate [dim, dim], row-major.
   * @throws INVALID_ARGUMENT before the second vector
   */
  covariance(): Float64Array {
    const { dim } = this;
    if (this.#count < 2) {
      throw expectedBut("INVALID_ARGUMENT", "at least two vectors", "a covariance", String(this.#count));
    }
    const result = new Float64Array(dim * dim);
    for (const [i, row] of this.#products.entries()) {
      for (let j = i; j < dim; j++) result[i * dim + j] = result[j * dim + i] = entry(row, j) / (this.#count - 1);
    }
    return result;
  }
}
