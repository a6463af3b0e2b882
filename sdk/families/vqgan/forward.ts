import { attention } from "../../nn/layers/attention.ts";
import { convolution, doubled } from "../../nn/layers/convolution.ts";
import { unitLength } from "../../nn/layers/norm.ts";
import { pictureBytes } from "../../nn/layers/picture-bytes.ts";
import { normed, normedConvolution, type ResidualBlockRef, residualBlock } from "../../nn/layers/residual-block.ts";
import { signVectors } from "../../nn/layers/sign-codes.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type { LinearRef } from "../../weights/tensor-ref.ts";
import { residualIds, residualSum } from "./residual.ts";
import type { AttentionRef, CodesRef, MiddleRef, ResidualCodesRef, VqganEncoder, VqganSpec } from "./spec.ts";

/**
 * The convolutional encoder. n images of 3 x H x W pixels in [-1, 1] become h x w tokens of `latent` channels.
 *
 * - input `pixels`: float32 [n, 3, H, W]
 * - output `features`: float32 [n, h * w, latent], which are not quantized
 * - output `quantizer_input`: float32 [n * h * w, latent], the same
 */
export function buildVqganEncoder(encoder: VqganEncoder, settings: GraphSettings): OnnxModel {
  const g = new GraphBuilder("encoder", settings);
  let x = convolution(g, g.input("pixels", DataType.float, ["images", 3, "height", "width"]), encoder.first);
  for (const { blocks, attentions, resample } of encoder.levels) {
    x = level(g, x, blocks, attentions);
    if (resample) x = convolution(g, x, resample, { stride: 2, pads: [0, 0, 1, 1] }); // as F.pad(x, (0, 1, 0, 1))
  }
  x = normedConvolution(g, middle(g, x, encoder.middle), encoder.lastNorm, encoder.last); //                [n, latent, h, w]
  const { channels } = shapeOf(encoder.last);
  const rows = g.transpose(g.reshape(x, [0, channels, -1]), [0, 2, 1]); // [n, h * w, latent]
  g.output("features", rows, DataType.float, ["images", "tokens", channels]);
  g.output("quantizer_input", g.reshape(rows, [-1, channels]), DataType.float, ["all_tokens", channels]);
  return g.finish();
}

/**
 * The vectors whose codes are the ids; for cosines of unit length, so that the nearest code is the one of the largest. Of residual
 * codes the ids themselves, of one image.
 *
 * - input `quantizer_input`: float32 [t, latent]
 * - output `vectors`: float32 [t, dim]; or `ids`: int32 [all scales' ids], and `energies`: float32 [1], the squared length of
 *   what they leave, not finite where a weight is not
 */
export function buildVqganQuantizer({ quantConvolution, codes }: VqganSpec): OnnxModel {
  const { weight, bias } = quantConvolution;
  if (codes.by === "residual") return residualQuantizer(quantConvolution, codes);
  const [dim = 0, latent = 0] = weight.shape;
  const g = new GraphBuilder("quantizer");
  const x = g.input("quantizer_input", DataType.float, ["tokens", latent]);
  const z = g.gemm(x, g.weight(weight, [dim, latent]), bias && g.weight(bias));
  g.output("vectors", codes.by === "cosine" ? unitLength(g, z) : z, DataType.float, ["tokens", dim]);
  return g.finish();
}

function residualQuantizer(quantConvolution: LinearRef, codes: ResidualCodesRef): OnnxModel {
  const [, latent = 0] = quantConvolution.weight.shape;
  const side = codes.scales.at(-1)?.side ?? 1;
  const g = new GraphBuilder("quantizer");
  const x = g.input("quantizer_input", DataType.float, ["tokens", latent]);
  const z = convolution(g, g.transpose(g.reshape(x, [1, side, side, latent]), [0, 3, 1, 2]), quantConvolution);
  const { ids, rest } = residualIds(g, z, codes);
  g.output("ids", g.cast(ids, DataType.int32), DataType.int32, ["ids"]);
  g.output("energies", g.sumOfSquares(g.flatten(rest)), DataType.float, ["images"]);
  return g.finish();
}

/**
 * - input `ids`: int64 [t], each in [0, K)
 * - output `vectors`: float32 [t, dim], the codes; for cosines of unit length
 */
export function buildVqganCodebook({ codes }: VqganSpec): OnnxModel {
  const g = new GraphBuilder("codebook");
  const vectors = codeVectors(g, codes, g.input("ids", DataType.int64, ["tokens"]));
  g.output("vectors", vectors, DataType.float, ["tokens", dimOf(codes)]);
  return g.finish();
}

/**
 * - input `ids`: int64 [n, side * side] in raster order, or [n, all scales' ids], each in [0, K)
 * - output `pixels`: uint8 [n, H, W, 3], RGB: 127.5 x + `zeroByte`, truncated as the repositories' own code does
 * - output `energies`: float32 [n], the squared length of each picture; not finite where a weight is not
 */
export function buildVqganDecoder(
  { codes, zeroByte, postQuantConvolution, decoder }: VqganSpec,
  side: number,
  settings: GraphSettings,
): OnnxModel {
  const g = new GraphBuilder("decoder", settings);
  const ids = g.input("ids", DataType.int64, ["images", "ids"]);
  const rows = () => g.reshape(codeVectors(g, codes, g.reshape(ids, [-1])), [-1, side, side, dimOf(codes)]);
  let x = codes.by === "residual" ? residualSum(g, ids, codes) : g.transpose(rows(), [0, 3, 1, 2]); // [n, dim, h, w]
  x = convolution(g, x, postQuantConvolution); //                                  [n, latent, h, w]
  x = middle(g, convolution(g, x, decoder.first), decoder.middle);
  for (const { blocks, attentions, resample } of decoder.levels) {
    x = level(g, x, blocks, attentions);
    if (resample) x = convolution(g, doubled(g, x), resample);
  }
  pictureBytes(g, normedConvolution(g, x, decoder.lastNorm, decoder.last), zeroByte);
  return g.finish();
}

/** ids [t] -> [t, dim] */
function codeVectors(g: GraphBuilder, codes: CodesRef, ids: Value): Value {
  if (codes.by === "signs") return signVectors(g, ids, codes.dim, codes.firstBit);
  const rows = g.gatherRows(codes.table, ids);
  return codes.by === "cosine" ? unitLength(g, rows) : rows;
}

const dimOf = (codes: CodesRef): number => (codes.by === "signs" ? codes.dim : (codes.table.shape[1] ?? 0));

function level(
  g: GraphBuilder,
  x: Value,
  blocks: readonly ResidualBlockRef[],
  attentions: readonly AttentionRef[],
): Value {
  return blocks.reduce((h, block, i) => {
    const attended = attentions[i];
    const y = residualBlock(g, h, block);
    return attended ? attentionBlock(g, y, attended) : y;
  }, x);
}

const middle = (g: GraphBuilder, x: Value, { before, attention, after }: MiddleRef): Value =>
  residualBlock(g, attentionBlock(g, residualBlock(g, x, before), attention), after);

/** softmax(q kᵀ / sqrt(channels)) v over all positions, added to x [n, c, h, w]. */
function attentionBlock(g: GraphBuilder, x: Value, { norm, query, key, value, out }: AttentionRef): Value {
  const { channels: c } = shapeOf(out);
  const tokens = g.transpose(g.reshape(normed(g, x, norm), [0, c, -1]), [0, 2, 1]); // [n, h * w, c]
  const rows = g.reshape(tokens, [-1, c]); //                                         [n * h * w, c]
  const perImage = ({ weight, bias }: LinearRef) =>
    g.reshapeTo(g.gemm(rows, g.weight(weight, [c, c]), bias && g.weight(bias)), g.node("Shape", [tokens]));
  const heard = attention(g, perImage(query), perImage(key), perImage(value), 1, c); // [n, h * w, c]
  const placed = g.reshapeTo(g.transpose(heard, [0, 2, 1]), g.node("Shape", [x])); //   [n, c, h, w]
  return g.add(x, convolution(g, placed, out));
}

const shapeOf = ({ weight }: LinearRef): { readonly channels: number } => ({ channels: weight.shape[0] ?? 0 });
