import type { ViewPlan } from "../../image/view-plan.ts";
import type { TransformerSpec } from "../../nn/layers/transformer-spec.ts";
import { countTensors, type TensorLookup } from "../../weights/tensor-lookup.ts";
import { invalidConfig } from "../fields/config-fields.ts";
import { siglip, siglipBlock } from "../siglip/family.ts";
import { resolveBlocks, resolveEncoder } from "../vit/vit-tensors.ts";
import type { TaTokConfig } from "./config.ts";
import type { TaTokFeatures, TaTokSpec } from "./spec.ts";

/** More blocks than any has. */
const MOST = 1024;
/** Of SigLIP and SigLIP2. */
const shared = { layerNormEps: 1e-6, activation: "gelu_tanh" } as const;

const block = (i: number) => siglipBlock(`encoder.layers.${i}`);

/** What only its files have. */
export const TA_TOK_MARKS = ["bottleneck.regularizer.embedding_proj.weight", "encode_task_layer.0.weight"] as const;

/**
 * Finds the tensors of `TextAlignedTokenizer` (tok/ta_tok.py), whose sizes they tell.
 * @throws INVALID_CONFIG for heads that do not divide the width; as `TensorLookup`
 */
export function resolveTaTok(config: TaTokConfig, tensors: TensorLookup, image: ViewPlan, file: string): TaTokSpec {
  const { image_size: imageSize, patch_size: patchSize, pool_scale: poolScale } = config;
  const of = tensors.below("encoder.");
  const patchKernel = [null, 3, patchSize, patchSize];
  const [d = 0] = of.tensor("embeddings.patch_embedding.weight", patchKernel).shape;
  const sizes = transformerOf(of, d, config, "num_attention_heads", file);
  const { layers, ...transformer } = sizes;
  const vision = { ...transformer, layers, imageSize, patchSize, qkvBias: true, registers: 0, rmsNorm: false };
  const whole = resolveEncoder(siglip, { ...vision, qkNorm: false, postNorm: false }, of, image);
  // hidden_states[-2]: what goes into the last block.
  const tower = { ...whole, blocks: whole.blocks.slice(0, -1), finalNorm: null };
  const grid = Math.floor((whole.grid ?? 0) / poolScale);

  const [e = 0] = tensors.tensor("bottleneck.in_linear.weight", [null, d]).shape;
  const regularizer = tensors.below("bottleneck.regularizer.");
  const spec: TaTokSpec = {
    encoder: { tower, poolScale, grid, task: tensors.linear("encode_task_layer.0", [d, d]) },
    quantizer: {
      inProjection: tensors.linear("bottleneck.in_linear", [e, d]),
      codebook: regularizer.tensor("embedding.weight", [null, e]),
      codebookProjection: regularizer.linear("embedding_proj", [e, e]),
      unit: config.l2_normalized,
    },
    features: resolveFeatures(config, tensors, { d, e, grid }, file),
  };
  for (const part of ["encode_task_layer.", "decode_task_layer."]) tensors.below(part).requireAllUsed();
  // A temperature is there where training samples: the largest cosine is the likeliest whatever it is.
  tensors.below("bottleneck.").requireAllUsed(["regularizer.stochastic_temperature_inv"]);
  return spec;
}

/** `Siglip2VisionModel` over codes as patches of one pixel, and the layers around it. */
function resolveFeatures(
  config: TaTokConfig,
  tensors: TensorLookup,
  { d, e, grid }: { readonly d: number; readonly e: number; readonly grid: number },
  file: string,
): TaTokFeatures {
  const decoder = tensors.below("decoder.");
  // transformers 5 leaves out the first word.
  const of = decoder.below(decoder.prefixesOf("embeddings.patch_embedding.weight")[0] ?? "");
  const { layers, ...sizes } = transformerOf(of, d, config, "decoder_num_attention_heads", file);
  const positions = "embeddings.position_embedding.weight";
  const side = Math.round(Math.sqrt(of.tensor(positions, [null, d]).shape[0] ?? 0));
  const spec: TaTokFeatures = {
    ...sizes,
    grid,
    outProjection: tensors.linear("bottleneck.out_linear", [e, e]),
    embedding: of.linear("embeddings.patch_embedding", [d, e]),
    positions: {
      table: of.tensor(positions, [side * side, d]),
      classLast: false,
      grid: side,
      filter: "bilinear",
      antialias: true,
      buckets: null,
    },
    blocks: resolveBlocks(layers, block, sizes, of),
    finalNorm: of.layerNorm("post_layernorm", d),
    task: [tensors.linear("decode_task_layer.0", [d, d]), tensors.linear("decode_task_layer.2", [d, d])],
  };
  for (const part of ["embeddings.", "encoder."]) of.below(part).requireAllUsed();
  return spec;
}

/** The sizes of a transformer of width `d` with SigLIP's names, and how many blocks it has. */
function transformerOf(
  tensors: TensorLookup,
  d: number,
  config: TaTokConfig,
  field: "num_attention_heads" | "decoder_num_attention_heads",
  file: string,
): TransformerSpec & { readonly layers: number } {
  const heads = config[field];
  if (d % heads !== 0) throw invalidConfig(`a divisor of ${d}, the width,`, [field], file, heads);
  const layers = countTensors(tensors, (i) => `${block(i).norm1}.weight`, MOST);
  const intermediateSize = tensors.tensor(`${block(0).fc1}.weight`, [null, d]).shape[0] ?? 0;
  return { hiddenSize: d, intermediateSize, heads, layers, ...shared };
}
