import type { BlockNames, EmbeddingNames, VitArchitecture } from "./architecture.ts";
import { vitImageProcessor } from "./image.ts";
import { ownFields, visionConfig } from "./vision-config.ts";

/** The names before the first block, which DINOv2 and transformers' InternViT share. */
export const vitEmbeddings: EmbeddingNames = {
  patchEmbedding: "embeddings.patch_embeddings.projection",
  patchEmbeddingBias: true,
  classToken: "embeddings.cls_token",
  classTokenShape: (hiddenSize) => [1, 1, hiddenSize],
  registers: null,
  positions: "embeddings.position_embeddings",
  positionsShape: (tokens, hiddenSize) => [1, tokens, hiddenSize],
};

/** The names inside one block of HF's `vit`, which our decoder's blocks share. */
export const vitBlock = (block: string): BlockNames => ({
  norm1: `${block}.layernorm_before`,
  attention: {
    query: `${block}.attention.attention.query`,
    key: `${block}.attention.attention.key`,
    value: `${block}.attention.attention.value`,
  },
  out: `${block}.attention.output.dense`,
  norm2: `${block}.layernorm_after`,
  fc1: `${block}.intermediate.dense`,
  fc2: `${block}.output.dense`,
});

/**
 * ViT and DeiT without distillation (transformers/models/vit). transformers 5 renames the modules in memory, but
 * files keep the names below.
 */
export const vit: VitArchitecture = {
  modelTypes: { vit: [], deit: [] },
  config: visionConfig(
    {
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      image_size: 224,
      patch_size: 16,
      layer_norm_eps: 1e-12,
      hidden_act: "gelu",
      qkv_bias: true,
    },
    ownFields({}, () => ({}), { "It is for masked images.": ["encoder_stride"] }),
  ),
  imageProcessor: vitImageProcessor,
  names: {
    ...vitEmbeddings,
    block: (index) => vitBlock(`encoder.layer.${index}`),
    firstNorm: null,
    finalNorm: "layernorm",
  },
  channelsLast: false,
  grids: { kind: "trained" },
  classifies: true,
  refuses: [{ tensor: "embeddings.distillation_token", expected: "a ViT or DeiT without distillation token" }],
};
