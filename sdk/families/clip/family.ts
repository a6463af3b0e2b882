import { siglipBlock } from "../siglip/family.ts";
import type { VitArchitecture } from "../vit/architecture.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";
import { clipImageProcessor } from "./image.ts";

/**
 * CLIP (transformers/models/clip): a class token, a patch convolution without bias, and a norm before the blocks.
 * Its `post_layernorm` is meant for the pooled class token: the last hidden state goes without.
 */
export const clip: VitArchitecture = {
  modelTypes: { clip_vision_model: [], clip: ["vision_config"] },
  config: visionConfig(
    {
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      image_size: 224,
      patch_size: 32,
      layer_norm_eps: 1e-5,
      hidden_act: "quick_gelu",
      qkv_bias: true,
    },
    ownFields({}, () => ({ postNorm: false })),
  ),
  imageProcessor: clipImageProcessor,
  names: {
    patchEmbedding: "embeddings.patch_embedding",
    patchEmbeddingBias: false,
    classToken: "embeddings.class_embedding",
    classTokenShape: (hiddenSize) => [hiddenSize],
    registers: null,
    positions: "embeddings.position_embedding.weight",
    positionsShape: (tokens, hiddenSize) => [tokens, hiddenSize],
    block: (index) => siglipBlock(`encoder.layers.${index}`),
    firstNorm: "pre_layrnorm", // so spelt in CLIP's files
    finalNorm: "post_layernorm",
  },
  channelsLast: false,
  grids: { kind: "trained" },
  refuses: [],
};
