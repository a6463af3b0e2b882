import { patchRows } from "../../nn/layers/patch-rows.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import { encoderBlocks } from "../../nn/vit/encoder.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import type { TaTokEncoder } from "./spec.ts";

/**
 * SigLIP2 up to the block before its last, means of squares of patches, and a linear with tanh. n images of S x S pixels become
 * N = grid² tokens.
 *
 * - input `pixels`: float32 [n, 3, S, S], normalised
 * - output `features`: float32 [n, N, D], what the quantizer is given (`vq_feats` of tok/ta_tok.py)
 * - output `quantizer_input`: float32 [n * N, D], the same
 */
export function buildTaTokEncoder(
  { tower, poolScale, grid, task }: AnyPrecision<TaTokEncoder>,
  settings: GraphSettings,
): OnnxModel {
  const { hiddenSize: d, blocks } = tower;
  const side = tower.imageSize ?? 0;
  const g = new GraphBuilder("encoder", settings);
  const pixels = g.input("pixels", DataType.float, ["images", 3, side, side]);
  const { tap, patchTokens } = encoderBlocks(g, tower, [blocks.length], patchRows(g, pixels, tower));
  const patches = patchTokens(tap(blocks.length)); //                                   [n, G², D]
  const pooled = poolScale === 1 ? patches : means(g, patches, tower.grid ?? 0, d, poolScale); // [n, N, D]
  const rows = g.node("Tanh", [g.linear(g.reshape(pooled, [-1, d]), task)]); //         [n * N, D]
  g.output("features", g.reshape(rows, [-1, grid * grid, d]), DataType.float, ["images", grid * grid, d]);
  g.output("quantizer_input", rows, DataType.float, ["tokens", d]);
  return g.finish();
}

/** x [n, side², d] -> the means of squares of `scale` x `scale` tokens; a rest at the right and at the bottom is dropped. */
function means(g: GraphBuilder, x: Value, side: number, d: number, scale: number): Value {
  const picture = g.transpose(g.reshape(x, [-1, side, side, d]), [0, 3, 1, 2]);
  const size = { ints: [scale, scale] };
  const pooled = g.node("AveragePool", [picture], { kernel_shape: size, strides: size });
  return g.transpose(pooled, [0, 2, 3, 1]);
}
