import type { LinearRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";

export interface ConvolutionOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros at the top, left, bottom and right; by default as many as keep the size at stride 1. */
  readonly pads?: readonly [top: number, left: number, bottom: number, right: number];
  /** Parts of the channels that do not see each other (default 1); weight [out, in / groups, side, side]. */
  readonly groups?: number;
}

/** x [n, in, rows, columns], weight [out, in, side, side] -> [n, out, ..]; zeros around the edge. */
export function convolution(
  g: GraphBuilder,
  x: Value,
  { weight, bias }: LinearRef,
  { stride = 1, pads, groups = 1 }: ConvolutionOptions = {},
): Value {
  const edge = ((weight.shape[2] ?? 1) - 1) / 2;
  const inputs = [x, g.convolutionWeight(weight), ...(bias ? [g.weight(bias)] : [])];
  return g.node("Conv", inputs, {
    pads: { ints: pads ?? [edge, edge, edge, edge] },
    strides: { ints: [stride, stride] },
    group: { int: groups },
  });
}

/** Each pixel becomes 2 x 2 of itself: [n, d, rows, columns] -> [n, d, 2 * rows, 2 * columns] (torch's "nearest"). */
export const doubled = (g: GraphBuilder, x: Value): Value =>
  g.node("Resize", [x, "", g.floats([1, 1, 2, 2])], {
    mode: { string: "nearest" },
    coordinate_transformation_mode: { string: "asymmetric" },
    nearest_mode: { string: "floor" },
  });

/** Means of 3 x 3 pixels at every second one, of those inside the picture alone: [n, d, rows, columns] -> half the sides. */
export const halved = (g: GraphBuilder, x: Value): Value =>
  g.node("AveragePool", [x], {
    kernel_shape: { ints: [3, 3] },
    strides: { ints: [2, 2] },
    pads: { ints: [1, 1, 1, 1] },
    count_include_pad: { int: 0 },
  });

/** [n, 4 * d, rows, columns] -> [n, d, 2 * rows, 2 * columns]: of each pixel's channels, four quarters in raster order. */
export const depthToSpace = (g: GraphBuilder, x: Value): Value =>
  g.node("DepthToSpace", [x], { blocksize: { int: 2 }, mode: { string: "DCR" } });

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

/** The same, bilinear, with the corners of both on each other (torch's align_corners true). */
export const interpolateCorners = (g: GraphBuilder, x: Value, sizes: Value): Value =>
  g.node("Resize", [x, "", "", sizes], {
    mode: { string: "linear" },
    coordinate_transformation_mode: { string: "align_corners" },
  });
