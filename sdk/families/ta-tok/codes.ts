import { norm, unitLength } from "../../nn/layers/norm.ts";
import { positions } from "../../nn/layers/positions.ts";
import { transformerBlock } from "../../nn/layers/transformer-block.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type { TaTokFeatures, TaTokQuantizer } from "./spec.ts";

/**
 * - input `quantizer_input`: float32 [t, D]
 * - output `vectors`: float32 [t, e], whose nearest codes are the ids
 */
export function buildTaTokQuantizer({ inProjection, unit }: TaTokQuantizer): OnnxModel {
  const [dim = 0, width = 0] = inProjection.weight.shape;
  const g = new GraphBuilder("quantizer");
  const z = g.linear(g.input("quantizer_input", DataType.float, ["tokens", width]), inProjection);
  g.output("vectors", unit ? unitLength(g, z) : z, DataType.float, ["tokens", dim]);
  return g.finish();
}

/**
 * - input `ids`: int64 [t], each in [0, K)
 * - output `vectors`: float32 [t, e], rows of SimVQ's effective codebook
 */
export function buildTaTokCodebook(quantizer: TaTokQuantizer): OnnxModel {
  const [, dim = 0] = quantizer.codebook.shape;
  const g = new GraphBuilder("codebook");
  const vectors = codeVectors(g, quantizer, g.input("ids", DataType.int64, ["tokens"]));
  g.output("vectors", vectors, DataType.float, ["tokens", dim]);
  return g.finish();
}

/**
 * Features of ids alone (`decode_from_bottleneck` of tok/ta_tok.py). n images of N = grid² tokens.
 *
 * - input `ids`: int64 [n, N] in raster order
 * - output `features`: float32 [n, N, D]
 */
export function buildTaTokFeatures(
  quantizer: TaTokQuantizer,
  decoder: TaTokFeatures,
  settings: GraphSettings,
): OnnxModel {
  const { hiddenSize: d, grid, layerNormEps, task } = decoder;
  const tokens = grid * grid;
  const g = new GraphBuilder("feature_decoder", settings);
  const ids = g.input("ids", DataType.int64, ["images", tokens]);
  const vectors = codeVectors(g, quantizer, g.reshape(ids, [-1])); //                       [n * N, e]
  let x = g.linear(g.linear(vectors, decoder.outProjection), decoder.embedding); //         [n * N, D]
  x = g.add(g.reshape(x, [-1, tokens, d]), positions(g, { ...decoder, classToken: null }, null));
  x = g.reshape(x, [-1, d]);
  for (const block of decoder.blocks) x = transformerBlock(g, x, block, decoder, [-1, tokens]);
  x = norm(g, x, decoder.finalNorm, d, layerNormEps);
  x = g.linear(g.node("Tanh", [g.linear(x, task[0])]), task[1]);
  g.output("features", g.reshape(x, [-1, tokens, d]), DataType.float, ["images", tokens, d]);
  return g.finish();
}

/** Rows are taken first and then projected, so that the effective codebook is never made whole. */
function codeVectors(g: GraphBuilder, { codebook, codebookProjection, unit }: TaTokQuantizer, ids: Value): Value {
  const rows = g.linear(g.gatherRows(codebook, ids), codebookProjection);
  return unit ? unitLength(g, rows) : rows;
}
