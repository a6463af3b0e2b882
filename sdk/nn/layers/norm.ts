import type { LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

const lastAxis = (epsilon: number) => ({ axis: { int: -1 }, epsilon: { float: epsilon } });

/** A LayerNorm over the last axis, of `width` numbers, or an RMSNorm where there is no bias. */
export function norm(g: GraphBuilder, x: Value, { weight, bias }: NormRef, width: number, epsilon: number): Value {
  const scale = g.weight(weight, [width]);
  if (bias) return g.node("LayerNormalization", [x, scale, g.weight(bias, [width])], lastAxis(epsilon));
  return g.node("SimplifiedLayerNormalization", [x, scale], lastAxis(epsilon));
}

/** A LayerNorm over the channels of each pixel: x [n, channels, rows, columns] (timm's LayerNorm2d). */
export function channelNorm(g: GraphBuilder, x: Value, ref: NormRef, epsilon: number): Value {
  const [channels = 0] = ref.weight.shape;
  return g.transpose(norm(g, g.transpose(x, [0, 2, 3, 1]), ref, channels, epsilon), [0, 3, 1, 2]);
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
  const perChannel = (ref: TensorRef) => g.weight(ref, [1, channels, 1, 1]);
  return g.add(g.multiply(standardiseGroups(g, x, groups, epsilon), perChannel(weight)), perChannel(bias));
}

/** The same without scale and bias. */
function standardiseGroups(g: GraphBuilder, x: Value, groups: number, epsilon: number): Value {
  const ones = g.floats(new Array<number>(groups).fill(1));
  const zeros = g.floats(new Array<number>(groups).fill(0));
  const grouped = g.reshape(x, [0, groups, -1]);
  const standard = g.node("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: epsilon } });
  return g.reshapeTo(standard, g.node("Shape", [x]));
}

/** What scales and shifts a group norm, each of one number a channel of the style; both linears [channels, d]. */
export interface AdaptiveGroupNormRef {
  readonly gamma: LinearRef;
  readonly beta: LinearRef;
}

/**
 * Open-MAGVIT2's AdaptiveGroupNorm (arXiv 2409.04410): x [n, channels, rows, columns] in `groups` of mean 0 and variance 1, scaled by
 * a linear of the style's deviations and shifted by one of its means, each over all places of `style` [n, d, h, w]. Deviations
 * are torch's `var`: over one place less, plus epsilon.
 */
export function adaptiveGroupNorm(
  g: GraphBuilder,
  x: Value,
  style: Value,
  { gamma, beta }: AdaptiveGroupNormRef,
  groups: number,
  epsilon: number,
): Value {
  const [channels = 0, d = 0] = gamma.weight.shape;
  const places = g.reshape(style, [0, d, -1]); //                                                [n, d, p]
  const mean = g.node("ReduceMean", [places, g.ints([2])], { keepdims: { int: 1 } }); //         [n, d, 1]
  const apart = g.subtract(places, mean);
  const fewer = g.subtract(g.cast(g.node("Shape", [places], { start: { int: 2 } }), DataType.float), g.float(1));
  const variance = g.divide(g.sum(g.multiply(apart, apart), 2), fewer); //                       [n, d]
  const deviations = g.node("Sqrt", [g.add(variance, g.float(epsilon))]);
  const perChannel = (rows: Value, linear: LinearRef) => g.reshape(g.linear(rows, linear), [-1, channels, 1, 1]);
  const scaled = g.multiply(standardiseGroups(g, x, groups, epsilon), perChannel(deviations, gamma));
  return g.add(scaled, perChannel(g.reshape(mean, [0, d]), beta));
}

/** Each row of x [t, d] divided by its length, at least 1e-12 (torch's `normalize`). */
export function unitLength(g: GraphBuilder, x: Value): Value {
  const length = g.node("ReduceL2", [x, g.ints([1])], { keepdims: { int: 1 } });
  return g.node("Div", [x, g.node("Max", [length, g.float(1e-12)])]);
}
