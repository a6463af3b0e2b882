/** Symmetric: -128 is left out. */
const LEVELS = 127;
/** A vector whose scale would be smaller than this is rounded to zero. */
const LEAST_SCALE = 2 ** -100;

/** A vector as integers times a scale, and what the rounding took from it. */
export interface RoundedRow {
  /** Of float32: row = scale * integers. */
  readonly scale: number;
  /** |x|, |scale * integers| and |x - scale * integers|, in float64, where x = row - center. */
  readonly length: number;
  readonly roundedLength: number;
  readonly error: number;
}

/** Rounds `dim` numbers from `at`, less `center`, to integers in [-127, 127], and writes them plus `offset`. */
export function roundRow(
  source: Float32Array,
  at: number,
  center: Float64Array,
  target: Int8Array | Uint8Array,
  targetAt: number,
  offset: number,
): RoundedRow {
  const dim = center.length;
  let [largest, square] = [0, 0];
  for (let i = 0; i < dim; i++) {
    const x = source[at + i]! - center[i]!;
    const size = x < 0 ? -x : x;
    if (size > largest) largest = size;
    square += x * x;
  }
  const exact = largest / LEVELS;
  const scale = exact < LEAST_SCALE ? 1 : Math.fround(exact);
  const inverse = exact < LEAST_SCALE ? 0 : 1 / scale;
  let [integers, error] = [0, 0];
  for (let i = 0; i < dim; i++) {
    const x = source[at + i]! - center[i]!;
    // Halves may go either way; |x / scale| is at most 127 and a rounding error.
    const integer = Math.floor(x * inverse + 0.5);
    target[targetAt + i] = integer + offset;
    integers += integer * integer;
    const missing = x - integer * scale;
    error += missing * missing;
  }
  return {
    scale,
    length: Math.sqrt(square),
    roundedLength: Math.sqrt(integers) * scale,
    error: Math.sqrt(error),
  };
}
