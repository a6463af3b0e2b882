import type { TokenIds } from "../contract/decoder.ts";
import { expected } from "../errors.ts";
import { addScaled } from "../linear-algebra/vectors.ts";

/**
 * Counts how often each entry of a codebook is used, over as many images as you like.
 *
 * ```ts
 * const usage = new CodebookUsage(8192);
 * for (const image of images) usage.add((await tokenizer.encode(image, { ids: true })).ids);
 * console.log(usage.utilization, usage.perplexity);
 * ```
 */
export class CodebookUsage {
  /** [size]: how often each id was seen. */
  readonly counts: Float64Array;
  #total = 0;

  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw expected("INVALID_ARGUMENT", "a positive integer", "the codebook's size", size);
    }
    this.counts = new Float64Array(size);
  }

  /**
   * Counts the ids of an image.
   * @throws INVALID_ARGUMENT for an id outside the codebook; then none of them is counted
   */
  add(ids: TokenIds): this {
    if (!Array.isArray(ids) && !(ids instanceof Int32Array)) {
      throw expected("INVALID_ARGUMENT", "an Int32Array or an array of integers", "the ids to count", ids);
    }
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= this.counts.length) {
        throw expected("INVALID_ARGUMENT", `an integer from 0 to ${this.counts.length - 1}`, "a codebook id", id);
      }
    }
    for (const id of ids) this.counts[id]! += 1;
    this.#total += ids.length;
    return this;
  }

  /**
   * Adds what another one has counted.
   * @throws INVALID_ARGUMENT for a codebook of another size
   */
  merge(other: CodebookUsage): this {
    const size = this.counts.length;
    if (other.counts.length !== size) {
      throw expected("INVALID_ARGUMENT", `a codebook of ${size}`, "the usage to add", other.counts.length);
    }
    addScaled(this.counts, 1, other.counts);
    this.#total += other.total;
    return this;
  }

  /** Ids counted so far. */
  get total(): number {
    return this.#total;
  }

  /** The share of entries seen at least once, 0 to 1. */
  get utilization(): number {
    return this.counts.reduce((used, count) => used + (count > 0 ? 1 : 0), 0) / this.counts.length;
  }

  /** Shannon entropy of the ids in bits: 0 to log2(size). NaN before the first id. */
  get entropy(): number {
    if (this.#total === 0) return Number.NaN;
    let bits = 0;
    for (const count of this.counts) if (count > 0) bits += (count / this.#total) * Math.log2(this.#total / count);
    return bits;
  }

  /** 2^entropy: how many equally used entries would carry as much. NaN before the first id. */
  get perplexity(): number {
    return 2 ** this.entropy;
  }
}
