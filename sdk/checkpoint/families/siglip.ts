import type { EncoderFamily } from "./family.ts";
import { imageProcessors } from "./image-processors.ts";
import { visionConfig } from "./vision-config.ts";

/**
 * SigLIP, and SigLIP2 of a fixed resolution, which is saved as `siglip` too (transformers/models/siglip). The text
 * tower and the attention pooling head stay unread.
 */
export const siglip: EncoderFamily = {
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
  imageProcessor: imageProcessors.SiglipImageProcessor,
  prefixes: ["", "vision_model."],
  names: {
    patchEmbedding: "embeddings.patch_embedding",
    classToken: null,
    positions: "embeddings.position_embedding.weight",
    positionsShape: (tokens, hiddenSize) => [tokens, hiddenSize],
    block: (index) => {
      const block = `encoder.layers.${index}`;
      return {
        norm1: `${block}.layer_norm1`,
        query: `${block}.self_attn.q_proj`,
        key: `${block}.self_attn.k_proj`,
        value: `${block}.self_attn.v_proj`,
        out: `${block}.self_attn.out_proj`,
        norm2: `${block}.layer_norm2`,
        fc1: `${block}.mlp.fc1`,
        fc2: `${block}.mlp.fc2`,
      };
    },
    finalNorm: "post_layernorm",
  },
  refuses: [],
};
