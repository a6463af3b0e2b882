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
