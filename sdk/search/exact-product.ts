import { float64Slack } from "./error-bounds.ts";
import { HALF_ULP, inSteps } from "./exact-distance.ts";

/**
 * The code of the largest dot product with a vector, of those that were offered to it, the lowest id of equal ones. It looks at
 * products as `Nearest` looks at distances: |z - e|² without the codes' own |e|².
 */
export class LargestProduct {
  readonly #codes: Float32Array;
  readonly #dim: number;
  readonly #error: number;
  #vectors: Float32Array = new Float32Array(0);
  #at = 0;
  #id = -1;
  #product = Number.NEGATIVE_INFINITY;
  /** How far `#product` can be from the exact one. */
  #bound = 0;

  /** `codes` [K, dim], finite. */
  constructor(codes: Float32Array, dim: number) {
    this.#codes = codes;
    this.#dim = dim;
    // Products of two float32 are exact in float64; each term of a sum is rounded at most dim times.
    this.#error = (dim + 4) * HALF_ULP;
  }

  /** Starts over for the vector at `at`, finite. */
  reset(vectors: Float32Array, at: number): this {
    this.#vectors = vectors;
    this.#at = at;
    this.#id = -1;
    this.#product = Number.NEGATIVE_INFINITY;
    this.#bound = 0;
    return this;
  }

  get id(): number {
    return this.#id;
  }

  /** At least |z|² - 2 z·e of `id`. */
  get square(): number {
    let square = 0;
    for (let i = 0; i < this.#dim; i++) square += (this.#vectors[this.#at + i] ?? 0) ** 2;
    return square * (1 + float64Slack(this.#dim)) - 2 * (this.#product - this.#bound);
  }

  offer(id: number): void {
    const at = id * this.#dim;
    let [product, magnitude] = [0, 0];
    for (let i = 0; i < this.#dim; i++) {
      const term = (this.#vectors[this.#at + i] ?? 0) * (this.#codes[at + i] ?? 0);
      product += term;
      magnitude += Math.abs(term);
    }
    const bound = this.#error * magnitude * (1 + 2 * this.#error);
    const apart = product - this.#product;
    const unsure = (bound + this.#bound) * (1 + 4 * HALF_ULP);
    const order = apart > unsure ? 1 : apart < -unsure ? -1 : this.#compare(id, this.#id);
    if (order > 0 || (order === 0 && id < this.#id)) {
      this.#id = id;
      this.#product = product;
      this.#bound = bound;
    }
  }

  /** The sign of z·a - z·b, in integers. */
  #compare(a: number, b: number): number {
    if (a === b) return 0;
    const [aAt, bAt] = [a * this.#dim, b * this.#dim];
    let sum = 0n;
    for (let i = 0; i < this.#dim; i++) {
      const [x, y] = [this.#codes[aAt + i] ?? 0, this.#codes[bAt + i] ?? 0];
      if (x !== y) sum += inSteps(this.#vectors[this.#at + i] ?? 0) * (inSteps(x) - inSteps(y));
    }
    return sum > 0n ? 1 : sum < 0n ? -1 : 0;
  }
}
