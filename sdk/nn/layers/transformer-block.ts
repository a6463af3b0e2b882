import type { AnyLinearRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import type { BlockRef, TransformerSpec } from "./transformer-spec.ts";

/**
 * A pre-norm transformer block over the residual stream x [n * t, d]; `sequences` is [n, t], either of them -1 for what
 * follows from the other. The stream stays two-dimensional because `Gemm` takes torch's [out, in] weights as they lie in the file; attention alone needs to know the images.
 */
export function transformerBlock(
  g: GraphBuilder,
  x: Value,
  block: BlockRef<AnyLinearRef>,
  { hiddenSize: d, intermediateSize, heads, layerNormEps, activation }: TransformerSpec,
  sequences: readonly [images: number, tokens: number],
): Value {
  let h = g.norm(x, block.norm1, d, layerNormEps); //                  [n * t, d]
  let [q, k] = [g.linear(h, block.query), g.linear(h, block.key)]; //  [n * t, d]
  if (block.queryNorm) q = g.norm(q, block.queryNorm, d, layerNormEps);
  if (block.keyNorm) k = g.norm(k, block.keyNorm, d, layerNormEps);
  q = g.reshape(q, [...sequences, d]); //                                [n, t, d]
  k = g.reshape(k, [...sequences, d]); //                                [n, t, d]
  const v = g.reshape(g.linear(h, block.value), [...sequences, d]); //   [n, t, d]
  h = g.reshape(g.attention(q, k, v, heads, d), [-1, d]); //              [n * t, d]
  h = g.linear(h, block.out);
  if (block.scale1) h = g.multiply(h, g.weight(block.scale1));
  x = g.add(x, h); //                                                  [n * t, d]

  h = g.norm(x, block.norm2, d, layerNormEps); //                      [n * t, d]
  h = g.linear(h, block.fc1); //                                       [n * t, intermediate], twice as wide with a gate
  h = activation === "swiglu" ? g.swiglu(h, intermediateSize) : g.activation(h, activation);
  h = g.linear(h, block.fc2);
  if (block.scale2) h = g.multiply(h, g.weight(block.scale2));
  return g.add(x, h); //                                               [n * t, d]
}
