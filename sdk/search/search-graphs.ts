import { GraphBuilder, type OnnxModel } from "../nn/onnx/graph-builder.ts";
import { DataType } from "../nn/onnx/onnx-proto.ts";

/**
 * Lists the `count` best codes of each vector by their score z·e - |e|²/2: argmin |z - e|² = argmax z·e - |e|²/2. The
 * codes are inputs, so that the sessions of all workers share one copy in memory.
 *
 * - input `vectors`: float32 [t, d]
 * - input `codes`: float32 [K, d]
 * - input `offsets`: float32 [K], -|e|²/2
 * - output `scores`: float32 [t, count], descending
 * - output `ids`: int32 [t, count]
 */
export function buildFloat32SearchGraph(count: number): OnnxModel {
  const g = new GraphBuilder("float32_search");
  const vectors = g.input("vectors", DataType.float, ["tokens", "dim"]); // [t, d]
  const codes = g.input("codes", DataType.float, ["codes", "dim"]); //      [K, d]
  const offsets = g.input("offsets", DataType.float, ["codes"]); //         [K]
  outputBest(g, g.gemm(vectors, codes, offsets), count); //                 [t, K]
  return g.finish();
}

/**
 * The same with codes and vectors rounded to 8 bits.
 *
 * - input `vectors`: uint8 [t, d], where 128 stands for 0
 * - input `scales`: float32 [t, 1], of the vectors
 * - input `codes`: int8 [d, K]
 * - input `code_scales`: float32 [K]
 * - input `offsets`: float32 [K], -|e|²/2
 * - outputs as of `buildFloat32SearchGraph`
 */
export function buildInt8SearchGraph(count: number): OnnxModel {
  const g = new GraphBuilder("int8_search");
  const vectors = g.input("vectors", DataType.uint8, ["tokens", "dim"]); // [t, d]
  const scales = g.input("scales", DataType.float, ["tokens", 1]); //       [t, 1]
  const codes = g.input("codes", DataType.int8, ["dim", "codes"]); //       [d, K]
  const codeScales = g.input("code_scales", DataType.float, ["codes"]); //  [K]
  const offsets = g.input("offsets", DataType.float, ["codes"]); //         [K]
  const products = g.multiply(g.integerProduct(vectors, codes, codeScales), scales); // [t, K]
  outputBest(g, g.add(products, offsets), count);
  return g.finish();
}

/**
 * Coordinates along axes, in float64.
 *
 * - input `rows`: float32 [n, d]
 * - input `center`: float64 [d]
 * - input `axes`: float64 [d, r]
 * - output `coordinates`: float64 [n, r], (rows - center) axes
 */
export function buildCoordinatesGraph(): OnnxModel {
  const g = new GraphBuilder("coordinates");
  const rows = g.input("rows", DataType.float, ["rows", "dim"]); //      [n, d]
  const center = g.input("center", DataType.double, ["dim"]); //         [d]
  const axes = g.input("axes", DataType.double, ["dim", "rank"]); //     [d, r]
  const centered = g.subtract(g.cast(rows, DataType.double), center); // [n, d]
  g.output("coordinates", g.product(centered, axes), DataType.double, ["rows", "rank"]);
  return g.finish();
}

function outputBest(g: GraphBuilder, scores: string, count: number): void {
  const { values, columns } = g.largest(scores, count); // [t, count]
  g.output("scores", values, DataType.float, ["tokens", count]);
  g.output("ids", g.cast(columns, DataType.int32), DataType.int32, ["tokens", count]);
}
