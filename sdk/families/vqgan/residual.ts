import { convolution, interpolate } from "../../nn/layers/convolution.ts";
import type { GraphBuilder, Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type { ResidualCodesRef, ResidualScale } from "./spec.ts";

/**
 * The ids of VAR's scales (`f_to_idxBl_or_fhat` of models/quant.py): each scale's are the nearest codes of what the scales before it leave
 * of `x`, brought to its side by means. Distances are float64, so that they are exact but for numbers that no float32 tells apart.
 *
 * x [1, dim, side, side] -> ids int64 [all scales' ids], and what is left [1, dim, side, side]
 */
export function residualIds(
  g: GraphBuilder,
  x: Value,
  { table, scales }: ResidualCodesRef,
): { ids: Value; rest: Value } {
  const dim = table.shape[1] ?? 0;
  const side = scales.at(-1)?.side ?? 1;
  const codes = g.cast(g.weight(table), DataType.double); //                           [K, dim]
  const squares = g.sumOfSquares(codes); //                                            [K]
  const ids: Value[] = [];
  let rest = x;
  for (const scale of scales) {
    const small = scale.side === side ? rest : means(g, rest, side, scale.side); //     [1, dim, s, s]
    const rows = g.reshape(g.transpose(small, [0, 2, 3, 1]), [-1, dim]); //            [s * s, dim]
    const z = g.cast(rows, DataType.double);
    // |z - c|² = |z|² - (2 z c - |c|²)
    const scores = g.subtract(g.gemm(g.add(z, z), codes, null), squares); //           [s * s, K]
    const own = g.node("ArgMax", [scores], { axis: { int: 1 }, keepdims: { int: 0 } });
    ids.push(own);
    rest = g.subtract(rest, addedBy(g, g.reshape(own, [1, -1]), table, scale, side));
  }
  return { ids: g.concat(ids, 0), rest };
}

/** ids int64 [n, all scales' ids] -> the sum of what they stand for [n, dim, side, side] (`embed_to_fhat`) */
export function residualSum(g: GraphBuilder, ids: Value, { table, scales }: ResidualCodesRef): Value {
  const side = scales.at(-1)?.side ?? 1;
  let sum: Value | null = null;
  let start = 0;
  for (const scale of scales) {
    const end = start + scale.side ** 2;
    const added = addedBy(g, g.slice(ids, 1, start, end), table, scale, side);
    sum = sum === null ? added : g.add(sum, added);
    start = end;
  }
  return sum ?? ids;
}

/** ids [n, s * s] -> [n, dim, side, side]: their codes as many as the tokens, half of them through the scale's convolution. */
function addedBy(
  g: GraphBuilder,
  ids: Value,
  table: ResidualCodesRef["table"],
  { side: own, blend }: ResidualScale,
  side: number,
): Value {
  const dim = table.shape[1] ?? 0;
  const rows = g.reshape(g.gatherRows(table, ids), [-1, own, own, dim]);
  let h = g.transpose(rows, [0, 3, 1, 2]); //                                          [n, dim, s, s]
  if (own !== side) {
    const images = g.node("Shape", [h], { start: { int: 0 }, end: { int: 1 } });
    h = interpolate(g, h, g.concat([images, g.ints([dim, side, side])], 0), "bicubic", false);
  }
  const half = g.float(0.5);
  return g.add(g.multiply(h, half), g.multiply(convolution(g, h, blend), half));
}

/** x [n, dim, from, from] -> [n, dim, to, to] (torch's `interpolate` with mode "area") */
function means(g: GraphBuilder, x: Value, from: number, to: number): Value {
  const weights = areaWeights(from, to);
  const columns = g.node("MatMul", [x, g.floats(transposed(weights, to, from), [from, to])]);
  return g.node("MatMul", [g.floats(weights, [to, from]), columns]);
}

/** [to, from]: of each cell the mean of those that lie in it, in whole or in part. */
function areaWeights(from: number, to: number): Float64Array {
  const weights = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    weights.fill(1 / (end - start), i * from + start, i * from + end);
  }
  return weights;
}

const transposed = (matrix: Float64Array, rows: number, columns: number): Float64Array =>
  Float64Array.from(matrix, (_, at) => matrix[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
