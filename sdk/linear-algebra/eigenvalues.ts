import { rowsOf } from "./matrices.ts";
import { addScaled, dot, entry, squaredLength } from "./vectors.ts";

/** A QL step converges in two or three iterations; more of them mean that the numbers are not finite. */
const MAX_QL_ITERATIONS = 60;

/**
 * The eigenvalues of a symmetric matrix [n, n], ascending: Householder's tridiagonal form, then implicit QL (Golub and
 * Van Loan 2013, algorithms 8.3.1 and 8.3.3). About 4/3 n³ operations; no vectors. `matrix` is left as it is.
 */
export function eigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal, beside } = tridiagonal(matrix.slice(), n);
  implicitQl(diagonal, beside);
  return diagonal.sort();
}

/** Overwrites `matrix`; `beside[i]` is the entry at (i, i + 1), the last one 0. */
function tridiagonal(matrix: Float64Array, n: number): { diagonal: Float64Array; beside: Float64Array } {
  const diagonal = new Float64Array(n);
  const beside = new Float64Array(n);
  const v = new Float64Array(n);
  const w = new Float64Array(n);
  const rows = rowsOf(matrix, n);
  for (const [k, row] of rows.entries()) {
    diagonal[k] = entry(row, k);
    if (k === n - 1) break;
    const first = entry(row, k + 1);
    const column = row.subarray(k + 1); // below the diagonal: the matrix is symmetric
    const length = Math.sqrt(squaredLength(column));
    const alpha = first > 0 ? -length : length;
    beside[k] = k === n - 2 ? first : alpha;
    if (length === 0 || k === n - 2) continue;
    // The reflection I - 2 v vᵀ / (vᵀ v) takes the column to alpha e1; vᵀ v = 2 (length² - alpha first).
    v.set(column, k + 1);
    v[k + 1] = first - alpha;
    reflect(rows, k + 1, v, w, 1 / (length * length - alpha * first));
  }
  return { diagonal, beside };
}

/** a <- H a H on rows and columns from `start`, with H = I - scale v vᵀ. */
function reflect(rows: readonly Float64Array[], start: number, v: Float64Array, w: Float64Array, scale: number): void {
  for (let i = start; i < rows.length; i++) w[i] = scale * dot(rows[i]!, v, start);
  addScaled(w, (-scale / 2) * dot(w, v, start), v, start);
  for (let i = start; i < rows.length; i++) subtractBoth(rows[i]!, start, v[i]!, w, w[i]!, v);
}

/** row -= a * w + b * v, from `start` on. */
function subtractBoth(row: Float64Array, start: number, a: number, w: Float64Array, b: number, v: Float64Array): void {
  const { length } = row;
  let j = start;
  for (; j + 1 < length; j += 2) {
    row[j]! -= a * w[j]! + b * v[j]!;
    row[j + 1]! -= a * w[j + 1]! + b * v[j + 1]!;
  }
  if (j < length) row[j]! -= a * w[j]! + b * v[j]!;
}

/** Turns the diagonal of a tridiagonal matrix into its eigenvalues, in no order. Overwrites both. */
function implicitQl(diagonal: Float64Array, beside: Float64Array): void {
  for (let start = 0; start < diagonal.length; start++) {
    for (let iteration = 0; ; iteration++) {
      const end = blockEnd(diagonal, beside, start);
      if (end === start) break;
      if (iteration === MAX_QL_ITERATIONS) throw new Error("Expected finite numbers for a symmetric matrix");
      qlStep(diagonal.subarray(start, end + 1), beside.subarray(start, end + 1));
    }
  }
}

/** The last index of the unreduced block that begins at `start`. */
function blockEnd(diagonal: Float64Array, beside: Float64Array, start: number): number {
  let end = start;
  while (end < diagonal.length - 1 && !isSmall(entry(beside, end), entry(diagonal, end), entry(diagonal, end + 1))) {
    end++;
  }
  return end;
}

/** One QL step with Wilkinson's shift on an unreduced block of two rows or more. */
function qlStep(diagonal: Float64Array, beside: Float64Array): void {
  const last = diagonal.length - 1;
  const slope = (entry(diagonal, 1) - entry(diagonal, 0)) / (2 * entry(beside, 0));
  const root = Math.hypot(slope, 1);
  let below = entry(diagonal, last); // the diagonal's entry i + 1, before this step
  let g = below - entry(diagonal, 0) + entry(beside, 0) / (slope + (slope >= 0 ? root : -root));
  let sine = 1;
  let cosine = 1;
  let p = 0;
  for (let i = last - 1; i >= 0; i--) {
    const side = beside[i]!;
    const f = sine * side;
    const b = cosine * side;
    const r = Math.hypot(f, g);
    beside[i + 1] = r;
    if (r === 0) {
      diagonal[i + 1] = below - p;
      beside[last] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = below - p;
    below = diagonal[i]!;
    const t = (below - g) * sine + 2 * cosine * b;
    p = sine * t;
    diagonal[i + 1] = g + p;
    g = cosine * t - b;
  }
  diagonal[0] = below - p;
  beside[0] = g;
  beside[last] = 0;
}

const isSmall = (value: number, a: number, b: number): boolean =>
  Math.abs(value) <= Number.EPSILON * (Math.abs(a) + Math.abs(b));
