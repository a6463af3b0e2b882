/** Unit roundoff of float32. */
const UNIT = 2 ** -24;
/** Least normal float32: what is smaller may be flushed to zero. */
const LEAST_NORMAL = 2 ** -126;
/** Intermediate results below this cannot overflow float32. */
const SAFE = 2 ** 125;

/** Bounds the relative error of float64 sums over `dim` terms, with room for the few operations around them. */
export const float64Slack = (dim: number): number => (4 * dim + 64) * 2 ** -53;

/**
 * How far a score z·e - |e|²/2 that a float32 graph computed can be from the exact one, in whatever order it adds
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: |fl(x·y) - x·y| <= n u / (1 - n u) |x|·|y|).
 * Vectors and codes were rounded to float32 before. Infinite where float32 could overflow.
 * @param terms numbers of the dot product
 * @param length |z|
 * @param norm the largest |e|
 */
export function float32Bound(terms: number, length: number, norm: number): number {
  const magnitude = length * norm + (norm * norm) / 2;
  if (!(Math.max(magnitude, length, norm) < SAFE)) return Number.POSITIVE_INFINITY;
  const count = terms + 8;
  return (count * UNIT * magnitude) / (1 - count * UNIT) + count * LEAST_NORMAL * (1 + length + norm);
}

/** What float32 makes of int32 sums of 127 * 127 * `terms` at most: four roundings, after two scales and an offset. */
export function int8Bound(terms: number, scale: number, length: number, norm: number): number {
  // The sums are scaled by the codes' scales first.
  if (!(127 * Math.sqrt(terms) * norm < SAFE)) return Number.POSITIVE_INFINITY;
  return float32Bound(0, length, norm) + LEAST_NORMAL * scale;
}
