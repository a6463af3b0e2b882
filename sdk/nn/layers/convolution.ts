import type { LinearRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";

/** x [n, in, rows, columns], weight [out, in, side, side], side odd -> [n, out, rows, columns]; zeros around the edge. */
export function convolution(g: GraphBuilder, x: Value, { weight, bias }: LinearRef, side: number): Value {
  const inputs = [x, g.weight(weight), ...(bias ? [g.weight(bias)] : [])];
  return g.node("Conv", inputs, { pads: { ints: new Array<number>(4).fill((side - 1) / 2) } });
}

/**
 * x [1, d, side, side] -> [1, d, rows, columns], the four of them `sizes` (int64), by torch's `interpolate`
 * (align_corners false), whose bicubic kernel is another with antialias than without.
 */
export function interpolate(
  g: GraphBuilder,
  x: Value,
  sizes: Value,
  filter: "bilinear" | "bicubic",
  antialias: boolean,
): Value {
  const resized = g.node("Resize", [x, "", "", sizes], {
    mode: { string: filter === "bicubic" ? "cubic" : "linear" },
    coordinate_transformation_mode: { string: "half_pixel" },
    cubic_coeff_a: { float: antialias ? -0.5 : -0.75 },
    antialias: { int: antialias ? 1 : 0 },
    exclude_outside: { int: antialias ? 1 : 0 },
  });
  if (antialias) g.keepOnCpu(resized);
  return resized;
}
