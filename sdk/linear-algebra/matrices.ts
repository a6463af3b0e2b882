import { addScaled, entry } from "./vectors.ts";

/** Numbers that give views of their parts: every typed array. */
interface Viewable<View> {
  readonly length: number;
  subarray(begin: number, end: number): View;
}

/** A matrix [n, width], row-major, as its n rows: views of the same memory. */
export function rowsOf<View>(matrix: Viewable<View>, width: number): View[] {
  return Array.from({ length: matrix.length / width }, (_, i) => matrix.subarray(i * width, (i + 1) * width));
}

/** Rows of `width` numbers, one after the other, as [rows, width]. */
export function joinRows(rows: readonly Float64Array[], width: number): Float64Array {
  const matrix = new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries()) matrix.set(row, i * width);
  return matrix;
}

/** [rows, columns] -> [columns, rows] */
export function transpose(matrix: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = entry(matrix, i * columns + j);
  }
  return result;
}

/** The diagonal of a square matrix: [n] */
export const diagonalOf = (matrix: Float64Array, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => entry(matrix, i * n + i));

/** a [rows, inner] times b [inner, columns] -> [rows, columns] */
export function multiply(a: Float64Array, b: Float64Array, inner: number, columns: number): Float64Array {
  const result = new Float64Array((a.length / inner) * columns);
  const others = rowsOf(b, columns);
  for (const [i, row] of rowsOf(a, inner).entries()) {
    const target = result.subarray(i * columns, (i + 1) * columns);
    others.forEach((other, k) => {
      addScaled(target, entry(row, k), other);
    });
  }
  return result;
}
