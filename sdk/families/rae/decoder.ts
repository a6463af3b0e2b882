import { norm } from "../../nn/layers/norm.ts";
import { patchPictures } from "../../nn/layers/picture-bytes.ts";
import { transformerBlock } from "../../nn/layers/transformer-block.ts";
import type { BlockRef, TransformerSpec } from "../../nn/layers/transformer-spec.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import { countTensors, type TensorLookup } from "../../weights/tensor-lookup.ts";
import type { LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";
import { invalidConfig } from "../fields/config-fields.ts";
import { vitBlock } from "../vit/family.ts";
import { resolveBlocks } from "../vit/vit-tensors.ts";
import type { RaeConfig } from "./config.ts";

/** Of configs/decoder: by width. */
const HEADS: Readonly<Record<number, number>> = { 768: 12, 1024: 16, 1152: 16 };
/** More blocks than any has. */
const MOST = 1024;

export interface RaeDecoderSpec extends TransformerSpec {
  /** Tokens in a row and in a column. */
  readonly grid: number;
  /** Pixels of one token's square (q). */
  readonly patchSize: number;
  /** [hidden, encoder's hidden] */
  readonly embedding: LinearRef;
  /** [1, 1, hidden]: comes first, and nothing is drawn of it. */
  readonly classToken: TensorRef;
  /** [1, 1 + grid * grid, hidden] */
  readonly positions: TensorRef;
  readonly blocks: readonly BlockRef[];
  readonly finalNorm: NormRef;
  /** [q * q * 3, hidden]: a patch vector is ordered row, column, channel. */
  readonly head: LinearRef;
  /** The encoder's: pixel in [0, 1] = head output * std + mean. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Finds the tensors of `GeneralDecoder` (src/stage1/decoders/decoder.py), whose sizes they tell. */
export function resolveRaeDecoder(
  { decoder_patch_size: patchSize, decoder_num_attention_heads: asked }: RaeConfig,
  { mean, std, grid, width }: Pick<RaeDecoderSpec, "mean" | "std" | "grid"> & { readonly width: number },
  tensors: TensorLookup,
  file: string,
): RaeDecoderSpec {
  const d = tensors.tensor("decoder_embed.weight", [null, width]).shape[0] ?? 0;
  const intermediateSize = tensors.tensor("decoder_layers.0.intermediate.dense.weight", [null, d]).shape[0] ?? 0;
  const heads = asked ?? HEADS[d];
  if (heads === undefined || d % heads !== 0) {
    const what = `the heads of a decoder of width ${d}, a divisor of it,`;
    throw invalidConfig(what, ["decoder_num_attention_heads"], file, asked);
  }
  const layers = countTensors(tensors, (i) => `decoder_layers.${i}.layernorm_before.weight`, MOST);
  const sizes: TransformerSpec = {
    hiddenSize: d,
    intermediateSize,
    heads,
    layerNormEps: 1e-12,
    activation: "gelu",
  };
  const spec: RaeDecoderSpec = {
    ...sizes,
    grid,
    patchSize,
    embedding: tensors.linear("decoder_embed", [d, width]),
    classToken: tensors.tensor("trainable_cls_token", [1, 1, d]),
    positions: tensors.tensor("decoder_pos_embed", [1, 1 + grid * grid, d]),
    blocks: resolveBlocks(layers, (index) => vitBlock(`decoder_layers.${index}`), sizes, tensors),
    finalNorm: tensors.layerNorm("decoder_norm", d),
    head: tensors.linear("decoder_pred", [patchSize * patchSize * 3, d]),
    mean,
    std,
  };
  tensors.requireAllUsed();
  return spec;
}

/**
 * The decoder of RAE (arXiv 2510.11690). n images of N = G² tokens, q x q pixels a token; H = W = G * q. No noise is added.
 *
 * - input `features`: float32 [n, N, encoder's hidden]
 * - output `pixels`: uint8 [n, H, W, 3], RGB, truncated as src/stage1_sample_ddp.py does
 * - output `energies`: float32 [n * N], the squared length of each token's patch vector; not finite where a weight is not
 */
export function buildRaeDecoder(decoder: RaeDecoderSpec, settings: GraphSettings): OnnxModel {
  const { hiddenSize: d, grid, layerNormEps } = decoder;
  const tokens = grid * grid; // N
  const width = decoder.embedding.weight.shape[1] ?? 0;
  const g = new GraphBuilder("decoder", settings);
  const features = g.input("features", DataType.float, ["images", tokens, width]);
  let x = g.linear(g.reshape(features, [-1, width]), decoder.embedding); //          [n * N, D]
  x = g.reshape(x, [-1, tokens, d]);
  x = g.concat([g.repeatLike(g.weight(decoder.classToken), x, [1, d]), x], 1); //    [n, 1 + N, D]
  x = g.reshape(g.add(x, g.weight(decoder.positions)), [-1, d]);
  for (const block of decoder.blocks) x = transformerBlock(g, x, block, decoder, [-1, 1 + tokens]);
  x = norm(g, x, decoder.finalNorm, d, layerNormEps); //                              [n * (1 + N), D]
  x = g.slice(g.reshape(x, [-1, 1 + tokens, d]), 1, 1); //                            [n, N, D]
  patchPictures(g, g.linear(g.reshape(x, [-1, d]), decoder.head), decoder, "truncated");
  return g.finish();
}
