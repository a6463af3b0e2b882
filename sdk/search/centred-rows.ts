import { divide } from "../linear-algebra/vectors.ts";

/** The mean row of `rows` [n, dim]: [dim]. */
export function meanRow(rows: Float32Array, dim: number): Float64Array {
  const mean = new Float64Array(dim);
  for (let at = 0; at < rows.length; at += dim) for (let i = 0; i < dim; i++) mean[i]! += rows[at + i]!;
  divide(mean, rows.length / dim);
  return mean;
}

/** |x - center|², of the row x that starts at `at`, in float64. */
export function squareFrom(rows: Float32Array, at: number, center: Float64Array): number {
  const { length } = center;
  let square = 0;
  for (let i = 0; i < length; i++) square += (rows[at + i]! - center[i]!) ** 2;
  return square;
}
