/** A symmetric matrix [n, n], row-major and full. */
export type SymmetricMatrix = Float64Array;

/** A QL step converges in two or three iterations; more of them mean that the numbers are not finite. */
const MAX_QL_ITERATIONS = 60;

/**
 * The eigenvalues of a symmetric matrix, ascending: Householder's tridiagonal form, then implicit QL (Golub and Van Loan
 * 2013, algorithms 8.3.1 and 8.3.3). About 4/3 n³ operations; no vectors. `matrix` is left as it is.
 */
export function eigenvalues(matrix: SymmetricMatrix, n: number): Float64Array {
  const { diagonal, beside } = tridiagonal(matrix.slice(), n);
  implicitQl(diagonal, beside);
  return diagonal.sort();
}

/** Overwrites `a`; `beside[i]` is the entry at (i, i + 1), the last one 0. */
function tridiagonal(a: Float64Array, n: number): { diagonal: Float64Array; beside: Float64Array } {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    diagonal[k] = a[k * n + k]!;
    if (k === n - 1) break;
    const column = a.subarray(k * n, (k + 1) * n); // row k, which is column k
    const length = norm(column.subarray(k + 1));
    const first = column[k + 1]!;
    const alpha = first > 0 ? -length : length;
    beside[k] = k === n - 2 ? first : alpha;
    if (length === 0 || k === n - 2) continue;
    // The reflection I - 2 v vᵀ / (vᵀ v) takes the column to alpha e1; vᵀ v = 2 (length² - alpha first).
    v.set(column.subarray(k + 1), k + 1);
    v[k + 1]! -= alpha;
    reflect(a, n, k + 1, v, w, 1 / (length * length - alpha * first));
  }
  return { diagonal, beside };
}

/** a <- H a H on rows and columns from `start`, with H = I - scale v vᵀ. */
function reflect(a: Float64Array, n: number, start: number, v: Float64Array, w: Float64Array, scale: number): void {
  let along = 0;
  for (let i = start; i < n; i++) {
    let sum = 0;
    for (let j = start, at = i * n + start; j < n; j++, at++) sum += a[at]! * v[j]!;
    w[i] = scale * sum;
    along += w[i]! * v[i]!;
  }
  const shift = (scale / 2) * along;
  for (let i = start; i < n; i++) w[i]! -= shift * v[i]!;
  for (let i = start; i < n; i++) {
    const [vi, wi] = [v[i]!, w[i]!];
    for (let j = start, at = i * n + start; j < n; j++, at++) a[at]! -= vi * w[j]! + wi * v[j]!;
  }
}

/** Turns the diagonal of a tridiagonal matrix into its eigenvalues, in no order. Overwrites both. */
function implicitQl(diagonal: Float64Array, beside: Float64Array): void {
  const n = diagonal.length;
  for (let start = 0; start < n; start++) {
    for (let iteration = 0; ; iteration++) {
      let end = start;
      while (end < n - 1 && !isSmall(beside[end]!, diagonal[end]!, diagonal[end + 1]!)) end++;
      if (end === start) break;
      if (iteration === MAX_QL_ITERATIONS) throw new Error("Expected finite numbers for a symmetric matrix");
      qlStep(diagonal, beside, start, end);
    }
  }
}

/** One QL step with Wilkinson's shift on the unreduced block from `start` to `end`. */
function qlStep(diagonal: Float64Array, beside: Float64Array, start: number, end: number): void {
  const slope = (diagonal[start + 1]! - diagonal[start]!) / (2 * beside[start]!);
  const root = Math.hypot(slope, 1);
  let g = diagonal[end]! - diagonal[start]! + beside[start]! / (slope + (slope >= 0 ? root : -root));
  let sine = 1;
  let cosine = 1;
  let p = 0;
  for (let i = end - 1; i >= start; i--) {
    const f = sine * beside[i]!;
    const b = cosine * beside[i]!;
    const r = Math.hypot(f, g);
    beside[i + 1] = r;
    if (r === 0) {
      diagonal[i + 1]! -= p;
      beside[end] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = diagonal[i + 1]! - p;
    const t = (diagonal[i]! - g) * sine + 2 * cosine * b;
    p = sine * t;
    diagonal[i + 1] = g + p;
    g = cosine * t - b;
  }
  diagonal[start]! -= p;
  beside[start] = g;
  beside[end] = 0;
}

const isSmall = (value: number, a: number, b: number): boolean =>
  Math.abs(value) <= Number.EPSILON * (Math.abs(a) + Math.abs(b));

/**
 * A factor L [n, rank] with L Lᵀ = `matrix`, positive semidefinite: Cholesky with diagonal pivoting (Higham 2002,
 * algorithm 10.3), which ends where nothing is left but rounding.
 */
export function semidefiniteFactor(matrix: SymmetricMatrix, n: number): { factor: Float64Array; rank: number } {
  const left = Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!);
  const columns: Float64Array[] = [];
  const floor = Number.EPSILON * left.reduce((largest, value) => Math.max(largest, value), 0);
  while (columns.length < n) {
    const pivot = left.reduce((best, value, i) => (value > left[best]! ? i : best), 0);
    if (!(left[pivot]! > floor)) break;
    const root = Math.sqrt(left[pivot]!);
    const column = matrix.slice(pivot * n, (pivot + 1) * n);
    for (const other of columns) {
      const factor = other[pivot]!;
      for (let i = 0; i < n; i++) column[i]! -= other[i]! * factor;
    }
    for (let i = 0; i < n; i++) {
      column[i]! /= root;
      left[i]! -= column[i]! ** 2;
    }
    left[pivot] = 0;
    columns.push(column);
  }
  const rank = columns.length;
  const factor = new Float64Array(n * rank);
  for (const [c, column] of columns.entries()) for (let i = 0; i < n; i++) factor[i * rank + c] = column[i]!;
  return { factor, rank };
}

/** Lᵀ S L [rank, rank], for L [n, rank] and a symmetric S [n, n]. */
export function congruent(matrix: SymmetricMatrix, factor: Float64Array, n: number, rank: number): SymmetricMatrix {
  const product = multiplyRows(matrix, factor, n, n, rank); // S L
  const transposed = new Float64Array(rank * n);
  for (let i = 0; i < n; i++) for (let c = 0; c < rank; c++) transposed[c * n + i] = factor[i * rank + c]!;
  const result = multiplyRows(transposed, product, rank, n, rank);
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j < i; j++) {
      result[i * rank + j] = result[j * rank + i] = (result[i * rank + j]! + result[j * rank + i]!) / 2;
    }
  }
  return result;
}

/** a [rows, inner] times b [inner, columns]. */
function multiplyRows(a: Float64Array, b: Float64Array, rows: number, inner: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k]!;
      for (let j = 0, to = i * columns, from = k * columns; j < columns; j++) result[to + j]! += factor * b[from + j]!;
    }
  }
  return result;
}

function norm(vector: Float64Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}
