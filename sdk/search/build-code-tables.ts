import { entry } from "../linear-algebra/vectors.ts";
import { meanRow, squareFrom } from "./centred-rows.ts";
import type { CodeMetric, CodeTables, Int8Codes, ProjectedCodes } from "./code-tables.ts";
import { coordinatesOf, outsideSquare } from "./coordinates.ts";
import { float64Slack } from "./error-bounds.ts";
import type { GraphRunner } from "./graph-runner.ts";
import { principalAxes } from "./principal-axes.ts";
import { roundRow } from "./round-rows.ts";

/** Codebooks of fewer numbers (K * e) than this are searched as they are. */
const FILTERED_SIZE = 2 ** 19;
/** Numbers of directions that are tried, the fewest first, where they are at most a quarter of e. */
const RANKS = [32, 128];
/** More directions are tried where the fewer ones leave less than this share outside. */
const PROMISING_SHARE = 0.5;
/** Directions will do where the codes have no more than this share of their squared length outside of them. */
const RESIDUAL_SHARE = 1e-3;
/** Rows that are worked on at a time. */
const ROWS = 1024;

/** @param codes E, finite, [size, dim] */
export async function buildCodeTables(
  graphs: GraphRunner,
  codes: Float32Array,
  size: number,
  dim: number,
  metric: CodeMetric = "distance",
): Promise<CodeTables> {
  const { offsets, norm } = measure(codes, new Float64Array(dim), metric);
  const filter =
    size * dim < FILTERED_SIZE
      ? null
      : ((await project(graphs, codes, dim, metric)) ?? (await round(graphs, codes, dim, metric)));
  return { metric, size, dim, codes, offsets, norm, filter };
}

/** null where the codes do not lie along few directions. */
export async function project(
  graphs: GraphRunner,
  codes: Float32Array,
  dim: number,
  metric: CodeMetric = "distance",
): Promise<ProjectedCodes | null> {
  const center = centerFor(metric, codes, dim);
  const { offsets, squares, norm } = measure(codes, center, metric);
  const size = squares.length;
  for (const wanted of RANKS.filter((rank) => rank <= dim / 4)) {
    const { axes, rank, slack, residualShare } = await principalAxes(graphs, codes, center, wanted);
    if (rank === 0 || residualShare > PROMISING_SHARE) return null;
    if (residualShare > RESIDUAL_SHARE) continue;
    const coordinates = new Float32Array(size * rank);
    let [outside, total, residual] = [0, 0, 0];
    for (let first = 0; first < size; first += ROWS) {
      const rows = codes.subarray(first * dim, (first + ROWS) * dim);
      const exact = await coordinatesOf(graphs, rows, center, axes);
      coordinates.set(exact, first * rank);
      for (let i = 0; i < rows.length / dim; i++) {
        const square = entry(squares, first + i);
        const missing = outsideSquare(exact, i * rank, rank, square, slack);
        outside += missing;
        total += square;
        residual = Math.max(residual, Math.sqrt(missing));
      }
    }
    if (outside <= RESIDUAL_SHARE * total) {
      return { kind: "projected", center, offsets, norm, residual, rank, axes, slack, coordinates };
    }
  }
  return null;
}

/** null where this processor's integer products saturate. */
export async function round(
  graphs: GraphRunner,
  codes: Float32Array,
  dim: number,
  metric: CodeMetric = "distance",
): Promise<Int8Codes | null> {
  if (!(await graphs.multipliesBytesExactly())) return null;
  const center = centerFor(metric, codes, dim);
  const { offsets, norm } = measure(codes, center, metric);
  const size = offsets.length;
  const scales = new Float32Array(size);
  const integers = new Int8Array(dim * size);
  const row = new Int8Array(dim);
  let residual = 0;
  for (let k = 0; k < size; k++) {
    const { scale, error } = roundRow(codes, k * dim, center, row, 0, 0);
    scales[k] = scale;
    residual = Math.max(residual, error);
    for (let i = 0; i < dim; i++) integers[i * size + k] = row[i]!;
  }
  return { kind: "int8", center, offsets, norm, residual, scales, integers };
}

const centerFor = (metric: CodeMetric, codes: Float32Array, dim: number): Float64Array =>
  metric === "distance" ? meanRow(codes, dim) : new Float64Array(dim);

/** Of each row less `center`: the squared length, and the offset of its score. */
function measure(rows: Float32Array, center: Float64Array, metric: CodeMetric) {
  const dim = center.length;
  const size = rows.length / dim;
  const offsets = new Float32Array(size);
  const squares = new Float64Array(size);
  let largest = 0;
  for (let k = 0; k < size; k++) {
    const square = squareFrom(rows, k * dim, center);
    squares[k] = square;
    if (metric === "distance") offsets[k] = -square / 2;
    largest = Math.max(largest, square);
  }
  return { offsets, squares, norm: Math.sqrt(largest) * (1 + float64Slack(dim)) };
}
