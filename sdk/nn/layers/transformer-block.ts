import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { activation, swiglu } from "./activation.ts";
import { attention } from "./attention.ts";
import { linears } from "./linears.ts";
import { norm } from "./norm.ts";
import type { BlockRef, TransformerSpec } from "./transformer-spec.ts";

/**
 * A pre-norm transformer block over the residual stream x [n * t, d]. `sequences` is [n, t], either of them -1 for what
 * follows from the other. The stream stays two-dimensional because `Gemm` takes torch's [out, in] weights as they lie in
 * the file. Attention alone needs to know the images.
 */
export function transformerBlock(
  g: GraphBuilder,
  x: Value,
  block: BlockRef<AnyLinearRef>,
  { hiddenSize: d, intermediateSize, heads, layerNormEps: epsilon, activation: kind }: TransformerSpec,
  sequences: readonly [images: number, tokens: number],
): Value {
  const { query, key, value } = linears(g, x, block.attention, d, epsilon); //       [n * t, d]
  const q = block.queryNorm ? norm(g, query, block.queryNorm, d, epsilon) : query;
  const k = block.keyNorm ? norm(g, key, block.keyNorm, d, epsilon) : key;
  const perImage = (y: Value) => g.reshape(y, [...sequences, d]); //                  [n, t, d]
  const heard = attention(g, perImage(q), perImage(k), perImage(value), heads, d);
  const { out } = linears(g, g.reshape(heard, [-1, d]), block.attentionOut, d, epsilon);
  const middle = g.add(x, out); //                                                    [n * t, d]

  const { fc1 } = linears(g, middle, block.mlp, d, epsilon); //  [n * t, intermediate], twice as wide with a gate
  const h = kind === "swiglu" ? swiglu(g, fc1, intermediateSize) : activation(g, fc1, kind);
  const { fc2 } = linears(g, h, block.mlpOut, intermediateSize, epsilon);
  return g.add(middle, fc2); //                                                       [n * t, d]
}
