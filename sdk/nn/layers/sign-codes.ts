import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

/** ids [t] of a codebook of all sequences of `dim` signs -> [t, dim]: the bits as +1 and -1. */
export function signVectors(g: GraphBuilder, ids: Value, dim: number, firstBit: "most" | "least"): Value {
  const places = Array.from({ length: dim }, (_, i) => 2 ** (firstBit === "most" ? dim - 1 - i : i));
  const columns = g.reshape(ids, [-1, 1]); //                                     [t, 1]
  const bits = g.node("Mod", [g.node("Div", [columns, g.ints(places)]), g.integer(2)]); // [t, dim]
  return g.subtract(g.multiply(g.cast(bits, DataType.float), g.float(2)), g.float(1));
}
