import type { BlockRef, TransformerSpec } from "../checkpoint/checkpoint.ts";
import type { GraphBuilder, Value } from "./graph-builder.ts";

/**
 * A pre-norm transformer block over the residual stream x [n * t, d]; `tokens` is t. The stream stays two-dimensional
 * because `Gemm` takes torch's [out, in] weights as they lie in the file; attention alone needs to know the images.
 */
export function transformerBlock(
  g: GraphBuilder,
  x: Value,
  block: BlockRef,
  { hiddenSize: d, heads, layerNormEps, activation }: TransformerSpec,
  tokens: number,
): Value {
  let h = g.layerNorm(x, block.norm1, d, layerNormEps); //             [n * t, d]
  const q = g.reshape(g.linear(h, block.query), [-1, tokens, d]); //   [n, t, d]
  const k = g.reshape(g.linear(h, block.key), [-1, tokens, d]); //     [n, t, d]
  const v = g.reshape(g.linear(h, block.value), [-1, tokens, d]); //   [n, t, d]
  h = g.reshape(g.attention(q, k, v, heads), [-1, d]); //              [n * t, d]
  x = g.add(x, g.linear(h, block.out)); //                             [n * t, d]

  h = g.layerNorm(x, block.norm2, d, layerNormEps); //                 [n * t, d]
  h = g.activation(g.linear(h, block.fc1), activation); //             [n * t, intermediate]
  return g.add(x, g.linear(h, block.fc2)); //                          [n * t, d]
}
