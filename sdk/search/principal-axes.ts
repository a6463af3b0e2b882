import { joinRows, rowsOf, transpose } from "../linear-algebra/matrices.ts";
import { addScaled, divide, dot } from "../linear-algebra/vectors.ts";
import { coordinatesOf } from "./coordinates.ts";
import { float64Slack } from "./error-bounds.ts";
import type { GraphRunner } from "./graph-runner.ts";

/** Rows that the axes are found from: they need not be the best ones, since what they miss is measured. */
const SAMPLE = 2048;
const ITERATIONS = 3;
/** A column that keeps less than this of its length lies in the span of those before it. */
const DEPENDENT = 1e-6;

/** Directions in which rows extend. */
export interface Axes {
  /** [d, rank], orthonormal columns. */
  readonly axes: Float64Array;
  /** How many there are: fewer than asked for where rows extend in fewer. */
  readonly rank: number;
  /** Bounds what they lack to orthonormality, and float64's rounding, relative. */
  readonly slack: number;
  /** The part of the sample's squared length that lies outside of them. */
  readonly residualShare: number;
}

/**
 * About the `wanted` directions in which `rows` less `center` extend the most, by subspace iteration from fixed
 * directions (Halko, Martinsson, Tropp 2011, algorithm 4.4).
 */
export async function principalAxes(
  graphs: GraphRunner,
  rows: Float32Array,
  center: Float64Array,
  wanted: number,
): Promise<Axes> {
  const dim = center.length;
  const size = rows.length / dim;
  const count = Math.min(size, SAMPLE);
  const sample = new Float32Array(count * dim);
  const transposed = new Float32Array(dim * count);
  let total = 0;
  for (let r = 0; r < count; r++) {
    const from = Math.floor((r * size) / count) * dim;
    for (let i = 0; i < dim; i++) {
      const x = Math.fround(rows[from + i]! - center[i]!);
      sample[r * dim + i] = x;
      transposed[i * count + r] = x;
      total += x * x;
    }
  }
  const origin = new Float64Array(dim);
  let basis = orthonormal(directions(dim * wanted), dim);
  for (let i = 0; i < ITERATIONS; i++) {
    const inside = await coordinatesOf(graphs, sample, origin, basis.axes);
    const image = await coordinatesOf(graphs, transposed, new Float64Array(count), inside);
    basis = orthonormal(image, dim);
    if (basis.rank === 0) break;
  }
  if (basis.rank === 0) return { ...basis, residualShare: total === 0 ? 0 : 1 };
  const inside = await coordinatesOf(graphs, sample, origin, basis.axes);
  const kept = inside.reduce((sum, x) => sum + x * x, 0);
  return { ...basis, residualShare: total === 0 ? 0 : 1 - kept / total };
}

/** Any directions that are far from orthogonal to every other: the same in every process, so that runs agree. */
const directions = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => Math.sin(i * i * 0.7 + i));

/** Gram-Schmidt, twice, over the columns of `matrix` [dim, n]; columns that depend on earlier ones are dropped. */
function orthonormal(matrix: Float64Array, dim: number): Omit<Axes, "residualShare"> {
  const count = matrix.length / dim;
  const columns: Float64Array[] = [];
  for (const column of rowsOf(transpose(matrix, dim, count), dim)) {
    const before = Math.sqrt(dot(column, column));
    for (const other of [...columns, ...columns]) addScaled(column, -dot(column, other), other);
    const length = Math.sqrt(dot(column, column));
    if (!(length > DEPENDENT * before)) continue;
    divide(column, length);
    columns.push(column);
  }
  const rank = columns.length;
  let worst = 0;
  for (const column of columns) {
    let sum = 0;
    for (const other of columns) sum += Math.abs(dot(column, other) - (other === column ? 1 : 0));
    worst = Math.max(worst, sum);
  }
  const axes = transpose(joinRows(columns, dim), rank, dim);
  return { axes, rank, slack: worst + (rank + 1) * float64Slack(dim) };
}
