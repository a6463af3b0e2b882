/** Half a unit in the last place of float64, relative. */
export const HALF_ULP = 2 ** -53;
/** A sum is compared with its limit once in so many dimensions. */
const STRIDE = 64;
/** Every float32 is an integer multiple of 2^-149. */
const FLOAT32_STEP = 2 ** -149;

/** Bounds the relative error of `squaredDistance` over `dim` dimensions. */
export const distanceError = (dim: number): number => (dim + 4) * HALF_ULP;

/**
 * |z - e|² in float64, of `dim` numbers from `zAt` and `eAt`; some number above `limit` where the distance is above it.
 * The differences are squared rather than z·e - |e|²/2 taken, so that the error is relative to the distance itself.
 */
export function squaredDistance(
  z: Float32Array,
  zAt: number,
  e: Float32Array,
  eAt: number,
  dim: number,
  limit = Number.POSITIVE_INFINITY,
): number {
  let sum = 0;
  for (let start = 0; start < dim; start += STRIDE) {
    const end = Math.min(dim, start + STRIDE);
    let [even, odd] = [0, 0]; // two sums, so that additions overlap
    let i = start;
    for (; i + 1 < end; i += 2) {
      const a = z[zAt + i]! - e[eAt + i]!;
      const b = z[zAt + i + 1]! - e[eAt + i + 1]!;
      even += a * a;
      odd += b * b;
    }
    if (i < end) even += (z[zAt + i]! - e[eAt + i]!) ** 2;
    sum += even + odd;
    if (sum > limit) return sum;
  }
  return sum;
}

/**
 * The nearest of the codes that were offered to it, the lowest id of equally near ones. Where rounding could decide
 * between two codes, they are compared in integers.
 */
export class Nearest {
  readonly #codes: Float32Array;
  readonly #dim: number;
  readonly #error: number;
  #vectors: Float32Array = new Float32Array(0);
  #at = 0;
  #id = -1;
  #square = Number.POSITIVE_INFINITY;

  /** `codes` [K, dim], finite. */
  constructor(codes: Float32Array, dim: number) {
    this.#codes = codes;
    this.#dim = dim;
    this.#error = distanceError(dim);
  }

  /** Starts over for the vector at `at`, finite. */
  reset(vectors: Float32Array, at: number): this {
    this.#vectors = vectors;
    this.#at = at;
    this.#id = -1;
    this.#square = Number.POSITIVE_INFINITY;
    return this;
  }

  get id(): number {
    return this.#id;
  }

  /** At least the squared distance to `id`. */
  get square(): number {
    return this.#square * (1 + 2 * this.#error);
  }

  offer(id: number): void {
    const limit = this.#square * (1 + 4 * this.#error);
    const square = squaredDistance(this.#vectors, this.#at, this.#codes, id * this.#dim, this.#dim, limit);
    if (square > limit) return;
    const nearer = square * (1 + 4 * this.#error) < this.#square;
    const order = nearer ? -1 : this.#compare(id, this.#id);
    if (order < 0 || (order === 0 && id < this.#id)) {
      this.#id = id;
      this.#square = square;
    }
  }

  /** The sign of |z - a|² - |z - b|², which is (a - b)·(a + b - 2z), in integers. */
  #compare(a: number, b: number): number {
    const aAt = a * this.#dim;
    const bAt = b * this.#dim;
    let sum = 0n;
    for (let i = 0; i < this.#dim; i++) {
      const x = this.#codes[aAt + i]!;
      const y = this.#codes[bAt + i]!;
      if (x === y) continue; // all there is to a duplicate
      const p = inSteps(x);
      const q = inSteps(y);
      sum += (p - q) * (p + q - 2n * inSteps(this.#vectors[this.#at + i]!));
    }
    return sum < 0n ? -1 : sum > 0n ? 1 : 0;
  }
}

/** A float32 as an integer, in units of the least one. */
export const inSteps = (value: number): bigint => BigInt(value / FLOAT32_STEP);
