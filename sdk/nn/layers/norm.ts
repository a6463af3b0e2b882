import type { NormRef, TensorRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";

const lastAxis = (epsilon: number) => ({ axis: { int: -1 }, epsilon: { float: epsilon } });

/** A LayerNorm over the last axis, of `width` numbers, or an RMSNorm where there is no bias. */
export function norm(g: GraphBuilder, x: Value, { weight, bias }: NormRef, width: number, epsilon: number): Value {
  const scale = g.weight(weight, [width]);
  if (bias) return g.node("LayerNormalization", [x, scale, g.weight(bias, [width])], lastAxis(epsilon));
  return g.node("SimplifiedLayerNormalization", [x, scale], lastAxis(epsilon));
}

/** x / sqrt(mean(x²) + epsilon) * (weight + offset), over the last axis. */
export function rmsNorm(g: GraphBuilder, x: Value, weight: TensorRef, offset: number, epsilon: number): Value {
  const scale = offset === 0 ? g.weight(weight) : g.add(g.weight(weight), g.float(offset));
  return g.node("SimplifiedLayerNormalization", [x, scale], lastAxis(epsilon));
}

/** Over the last axis, of `width` numbers: mean 0 and variance 1. */
export function standardise(g: GraphBuilder, x: Value, width: number, epsilon: number): Value {
  const scale = g.floats(new Array<number>(width).fill(1));
  return g.node("LayerNormalization", [x, scale], lastAxis(epsilon));
}

/** torch's GroupNorm: x [n, channels, rows, columns] in `groups` of channels, each of mean 0 and variance 1, then scaled. */
export function groupNorm(
  g: GraphBuilder,
  x: Value,
  { weight, bias }: NormRef & { readonly bias: TensorRef },
  groups: number,
  epsilon: number,
): Value {
  const [channels = 0] = weight.shape;
  const ones = g.floats(new Array<number>(groups).fill(1));
  const zeros = g.floats(new Array<number>(groups).fill(0));
  const grouped = g.reshape(x, [0, groups, -1]);
  const standard = g.node("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: epsilon } });
  const restored = g.reshapeTo(standard, g.node("Shape", [x]));
  const perChannel = (ref: TensorRef) => g.weight(ref, [1, channels, 1, 1]);
  return g.add(g.multiply(restored, perChannel(weight)), perChannel(bias));
}

/** Each row of x [t, d] divided by its length, at least 1e-12 (torch's `normalize`). */
export function unitLength(g: GraphBuilder, x: Value): Value {
  const length = g.node("ReduceL2", [x, g.ints([1])], { keepdims: { int: 1 } });
  return g.node("Div", [x, g.node("Max", [length, g.float(1e-12)])]);
}
