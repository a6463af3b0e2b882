import { diagonalOf, joinRows, multiply, rowsOf, transpose } from "./matrices.ts";
import { addScaled, divide, entry } from "./vectors.ts";

/**
 * A factor L [n, rank] with L Lᵀ = `matrix` [n, n], symmetric and positive semidefinite: Cholesky with diagonal pivoting
 * (Higham 2002, algorithm 10.3), which ends where nothing is left but rounding.
 */
export function semidefiniteFactor(matrix: Float64Array, n: number): { factor: Float64Array; rank: number } {
  const left = diagonalOf(matrix, n);
  const floor = Number.EPSILON * largestOf(left);
  const columns: Float64Array[] = [];
  while (columns.length < n) {
    const largest = largestOf(left);
    if (!(largest > floor)) break;
    const pivot = left.indexOf(largest);
    const column = matrix.slice(pivot * n, (pivot + 1) * n);
    for (const other of columns) addScaled(column, -entry(other, pivot), other);
    divide(column, Math.sqrt(largest));
    for (let i = 0; i < n; i++) left[i]! -= column[i]! ** 2;
    left[pivot] = 0;
    columns.push(column);
  }
  const rank = columns.length;
  return { factor: transpose(joinRows(columns, n), rank, n), rank };
}

/** The largest entry, or 0. */
const largestOf = (vector: Float64Array): number => vector.reduce((largest, value) => Math.max(largest, value), 0);

/** Lᵀ S L [rank, rank], for L [n, rank] and a symmetric S [n, n]. */
export function congruent(matrix: Float64Array, factor: Float64Array, n: number, rank: number): Float64Array {
  const product = multiply(matrix, factor, n, rank); // S L
  const result = multiply(transpose(factor, n, rank), product, n, rank);
  const rows = rowsOf(result, rank);
  for (const [i, row] of rows.entries()) {
    for (const [j, other] of rows.slice(0, i).entries()) row[j] = other[i] = (entry(row, j) + entry(other, i)) / 2;
  }
  return result;
}
