import type { BlockNames, VitArchitecture } from "../vit/architecture.ts";
import { visionConfig } from "../vit/vision-config.ts";
import { siglipImageProcessor } from "./image.ts";

/** The names inside one block of SigLIP, which CLIP shares. */
export const siglipBlock = (block: string): BlockNames => ({
  norm1: `${block}.layer_norm1`,
  attention: {
    query: `${block}.self_attn.q_proj`,
    key: `${block}.self_attn.k_proj`,
    value: `${block}.self_attn.v_proj`,
  },
  out: `${block}.self_attn.out_proj`,
  norm2: `${block}.layer_norm2`,
  fc1: `${block}.mlp.fc1`,
  fc2: `${block}.mlp.fc2`,
});

/**
 * SigLIP, and SigLIP2 of a fixed resolution, which is saved as `siglip` too (transformers/models/siglip). The text
 * tower and the attention pooling head stay unread.
 */
export const siglip: VitArchitecture = {
  modelTypes: { siglip_vision_model: [], siglip: ["vision_config"] },
  config: visionConfig({
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    image_size: 224,
    patch_size: 16,
    layer_norm_eps: 1e-6,
    hidden_act: "gelu_pytorch_tanh",
    qkv_bias: true,
  }),
  imageProcessor: siglipImageProcessor,
  names: {
    patchEmbedding: "embeddings.patch_embedding",
    patchEmbeddingBias: true,
    classToken: null,
    classTokenShape: () => [],
    registers: null,
    positions: "embeddings.position_embedding.weight",
    positionsShape: (tokens, hiddenSize) => [tokens, hiddenSize],
    block: (index) => siglipBlock(`encoder.layers.${index}`),
    firstNorm: null,
    finalNorm: "post_layernorm",
  },
  channelsLast: false,
  grids: { kind: "trained" },
  refuses: [],
};
