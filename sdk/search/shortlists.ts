import { squareFrom } from "./centred-rows.ts";
import type { CodeTables, Int8Codes, ProjectedCodes } from "./code-tables.ts";
import { coordinatesOf, outsideSquare } from "./coordinates.ts";
import { float32Bound, int8Bound } from "./error-bounds.ts";
import { type GraphRunner, outputOf, type SearchGraph } from "./graph-runner.ts";
import { roundRow } from "./round-rows.ts";

/** Codes on a shortlist, where there are as many. */
export const SHORTLIST = 16;

/** For each of t vectors the n best codes by a score that may be wrong by `bounds`. */
export interface Shortlists {
  /** [t, n], descending. */
  readonly scores: Float32Array;
  /** [t, n] */
  readonly ids: Int32Array;
  /** [t]: no code's score is farther than this from z·e - |e|²/2, of vectors and codes less the center. */
  readonly bounds: Float64Array;
  /** [t], |z - center|² */
  readonly squares: Float64Array;
}

/** By the float32 product of `rows` [t, e] with all codes. */
export async function listFloat32(graphs: GraphRunner, rows: Float32Array, tables: CodeTables): Promise<Shortlists> {
  const { codes, offsets, norm, dim } = tables;
  const origin = new Float64Array(dim);
  const squares = new Float64Array(rows.length / dim);
  for (let i = 0; i < squares.length; i++) squares[i] = squareFrom(rows, i * dim, origin);
  const bounds = squares.map((square) => float32Bound(dim, Math.sqrt(square), norm));
  return { ...(await best(graphs, rows, codes, offsets)), bounds, squares };
}

/** By the coordinates along the directions in which the codes lie. */
export async function listProjected(
  graphs: GraphRunner,
  rows: Float32Array,
  filter: ProjectedCodes,
): Promise<Shortlists> {
  const { center, axes, rank, slack, norm, residual, coordinates, offsets } = filter;
  const dim = center.length;
  const count = rows.length / dim;
  const exact = await coordinatesOf(graphs, rows, center, axes);
  const squares = new Float64Array(count);
  const bounds = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const square = squareFrom(rows, i * dim, center);
    const length = Math.sqrt(square);
    // z·e differs from the product of the coordinates by that of the parts outside of the axes (Cauchy-Schwarz).
    const outside = Math.sqrt(outsideSquare(exact, i * rank, rank, square, slack));
    squares[i] = square;
    bounds[i] = outside * residual + slack * length * norm + float32Bound(rank, length, norm);
  }
  return { ...(await best(graphs, Float32Array.from(exact), coordinates, offsets)), bounds, squares };
}

/** By the product of vectors and codes rounded to int8. */
export async function listInt8(graphs: GraphRunner, rows: Float32Array, filter: Int8Codes): Promise<Shortlists> {
  const { center, norm, residual, integers, scales: codeScales, offsets } = filter;
  const dim = center.length;
  const [count, size] = [rows.length / dim, offsets.length];
  const rounded = new Uint8Array(rows.length);
  const scales = new Float32Array(count);
  const squares = new Float64Array(count);
  const bounds = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const { scale, length, roundedLength, error } = roundRow(rows, i * dim, center, rounded, i * dim, 128);
    scales[i] = scale;
    squares[i] = length * length;
    // z·e - z'·e' = (z - z')·e + z'·(e - e'), of the rounded z' and e' (Cauchy-Schwarz).
    bounds[i] = error * norm + roundedLength * residual + int8Bound(dim, scale, roundedLength, norm + residual);
  }
  const feeds = {
    vectors: graphs.tensor("uint8", rounded, [count, dim]),
    scales: graphs.tensor("float32", scales, [count, 1]),
    codes: graphs.tensor("int8", integers, [dim, size]),
    code_scales: graphs.tensor("float32", codeScales, [size]),
    offsets: graphs.tensor("float32", offsets, [size]),
  };
  return { ...(await run(graphs, "int8_search", feeds)), bounds, squares };
}

/** rows [t, d], codes [K, d], offsets [K] */
function best(graphs: GraphRunner, rows: Float32Array, codes: Float32Array, offsets: Float32Array) {
  const size = offsets.length;
  const dim = codes.length / size;
  return run(graphs, "float32_search", {
    vectors: graphs.tensor("float32", rows, [rows.length / dim, dim]),
    codes: graphs.tensor("float32", codes, [size, dim]),
    offsets: graphs.tensor("float32", offsets, [size]),
  });
}

async function run(graphs: GraphRunner, graph: SearchGraph, feeds: Parameters<GraphRunner["run"]>[1]) {
  const outputs = await graphs.run(graph, feeds, ["scores", "ids"]);
  return { scores: outputOf(outputs, "scores", "float32"), ids: outputOf(outputs, "ids", "int32") };
}
