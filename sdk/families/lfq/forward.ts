import { convolution, depthToSpace } from "../../nn/layers/convolution.ts";
import { adaptiveGroupNorm } from "../../nn/layers/norm.ts";
import { pictureBytes } from "../../nn/layers/picture-bytes.ts";
import {
  EPSILON,
  GROUPS,
  normedConvolution,
  type ResidualBlockRef,
  residualBlock,
} from "../../nn/layers/residual-block.ts";
import { signVectors } from "../../nn/layers/sign-codes.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type { LfqEncoder, LfqSpec, SignCodesRef } from "./spec.ts";

/**
 * The convolutional encoder. n images of 3 x H x W pixels in [-1, 1] become h x w tokens of `dim` numbers, whose signs are the codes.
 *
 * - input `pixels`: float32 [n, 3, H, W]
 * - output `features`: float32 [n, h * w, dim], which are not quantized
 * - output `quantizer_input`: float32 [n * h * w, dim], the same
 */
export function buildLfqEncoder(encoder: LfqEncoder, settings: GraphSettings): OnnxModel {
  const g = new GraphBuilder("encoder", settings);
  let x = convolution(g, g.input("pixels", DataType.float, ["images", 3, "height", "width"]), encoder.first);
  for (const { blocks, down } of encoder.levels) {
    x = residualBlocks(g, x, blocks);
    if (down) x = convolution(g, x, down, { stride: 2 });
  }
  x = residualBlocks(g, x, encoder.middle);
  x = normedConvolution(g, x, encoder.lastNorm, encoder.last); // [n, dim, h, w]
  const dim = encoder.last.weight.shape[0] ?? 0;
  const rows = g.transpose(g.reshape(x, [0, dim, -1]), [0, 2, 1]); //           [n, h * w, dim]
  g.output("features", rows, DataType.float, ["images", "tokens", dim]);
  g.output("quantizer_input", g.reshape(rows, [-1, dim]), DataType.float, ["all_tokens", dim]);
  return g.finish();
}

/**
 * The numbers whose signs are the codes: all of a token, or each by itself.
 *
 * - input `quantizer_input`: float32 [t, dim]
 * - output `vectors`: float32 [t, dim], or [t * dim, 1] for bits
 */
export function buildLfqQuantizer({ dim, as }: SignCodesRef): OnnxModel {
  const g = new GraphBuilder("quantizer");
  const x = g.input("quantizer_input", DataType.float, ["tokens", dim]);
  const width = as === "bits" ? 1 : dim;
  g.output("vectors", g.reshape(x, [-1, width]), DataType.float, ["codes", width]);
  return g.finish();
}

/**
 * - input `ids`: int64 [t], of codes or of bits
 * - output `vectors`: float32 [t, dim], or [t, 1] for bits: +1 and -1
 */
export function buildLfqCodebook(codes: SignCodesRef): OnnxModel {
  const g = new GraphBuilder("codebook");
  const width = codes.as === "bits" ? 1 : codes.dim;
  const vectors = signVectors(g, g.input("ids", DataType.int64, ["codes"]), width, "least");
  g.output("vectors", vectors, DataType.float, ["codes", width]);
  return g.finish();
}

/**
 * - input `ids`: int64 [n, side * side] in raster order, or [n, side * side * dim] for bits
 * - output `pixels`: uint8 [n, H, W, 3], RGB: 127.5 x + `zeroByte`, truncated as the repositories' own code does
 * - output `energies`: float32 [n], the squared length of each picture; not finite where a weight is not
 */
export function buildLfqDecoder(
  { codes: { dim, as }, zeroByte, decoder }: LfqSpec,
  side: number,
  settings: GraphSettings,
): OnnxModel {
  const g = new GraphBuilder("decoder", settings);
  const perToken = as === "bits" ? dim : 1;
  const ids = g.input("ids", DataType.int64, ["images", side * side * perToken]);
  const signs = g.reshape(signVectors(g, ids, as === "bits" ? 1 : dim, "least"), [-1, side, side, dim]);
  const style = g.transpose(signs, [0, 3, 1, 2]); //               [n, dim, h, w]
  let x = residualBlocks(g, convolution(g, style, decoder.first), decoder.middle);
  for (const { adaptive, blocks, up } of decoder.levels) {
    x = residualBlocks(g, adaptiveGroupNorm(g, x, style, adaptive, GROUPS, EPSILON), blocks);
    if (up) x = depthToSpace(g, convolution(g, x, up));
  }
  x = normedConvolution(g, x, decoder.lastNorm, decoder.last);
  pictureBytes(g, x, zeroByte);
  return g.finish();
}

const residualBlocks = (g: GraphBuilder, x: Value, blocks: readonly ResidualBlockRef[]): Value =>
  blocks.reduce((h, block) => residualBlock(g, h, block), x);
