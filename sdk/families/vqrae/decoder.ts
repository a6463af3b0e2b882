import { convolution } from "../../nn/layers/convolution.ts";
import { norm } from "../../nn/layers/norm.ts";
import { patchPictures } from "../../nn/layers/picture-bytes.ts";
import { transformerBlock } from "../../nn/layers/transformer-block.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import { codeVectors } from "./quantizer.ts";
import type { DecoderSpec, QuantizerSpec } from "./spec.ts";

/**
 * The symmetric ViT decoder (VQRAE, arXiv 2511.23386, section 3.2). n images of N = G² tokens, width D, q x q pixels a
 * token; H = W = G * q.
 *
 * - input `ids`: int64 [n, N] in raster order, each in [0, K): the caller checks, since ONNX reads -1 as the last row
 * - output `pixels`: uint8 [n, H, W, 3], RGB
 * - output `energies`: float32 [n * N], the squared length of each token's patch vector; not finite where a weight is not
 */
export function buildDecoderGraph(
  quantizer: QuantizerSpec,
  decoder: DecoderSpec,
  settings: GraphSettings = {},
): OnnxModel {
  const { hiddenSize: d, grid, patchSize: q, layerNormEps } = decoder;
  const tokens = grid * grid; // N
  const g = new GraphBuilder("decoder", settings);

  const ids = g.input("ids", DataType.int64, ["images", tokens]); //            [n, N]
  const vectors = codeVectors(g, quantizer, g.reshape(ids, [-1])); //           [n * N, e]
  let x = g.linear(vectors, quantizer.outProjection); //                        [n * N, D]
  x = g.reshape(x, [-1, tokens, d]); //                                         [n, N, D]
  x = g.add(x, g.weight(decoder.positions, [tokens, d])); //                    [n, N, D]
  x = g.reshape(x, [-1, d]); //                                                 [n * N, D]
  for (const block of decoder.blocks) x = transformerBlock(g, x, block, decoder, [-1, tokens]);
  x = norm(g, x, decoder.finalNorm, d, layerNormEps); //                         [n * N, D]
  x = g.transpose(g.reshape(x, [-1, grid, grid, d]), [0, 3, 1, 2]); //          [n, D, G, G]
  x = convolution(g, x, decoder.head); //                            [n, q * q * 3, G, G]
  x = g.reshape(g.transpose(x, [0, 2, 3, 1]), [-1, q * q * 3]); //              [n * N, q * q * 3]
  patchPictures(g, x, decoder, "rounded");
  return g.finish();
}
