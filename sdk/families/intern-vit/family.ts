import * as z from "zod";
import { clipImageProcessor } from "../clip/image.ts";
import { flag, oneOf } from "../fields/config-fields.ts";
import type { VitArchitecture } from "../vit/architecture.ts";
import { vitEmbeddings } from "../vit/family.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";
import { gotOcr2ImageProcessor } from "./image.ts";

/** InternVL 2.5 and 3 have them in their vision_config (their own training code's; the published modules read none). */
const experts = [
  "capacity_factor",
  "eval_capacity_factor",
  "laux_allreduce",
  "moe_coeff_ratio",
  "moe_intermediate_size",
  "moe_output_scale",
  "noisy_gate_policy",
  "num_experts",
  "num_routed_experts",
  "num_shared_experts",
  "shared_expert_intermediate_size",
  "use_residual",
  "use_rts",
  "use_weighted_residual",
];

const normType = oneOf("layer_norm", "rms_norm");

/**
 * InternViT as OpenGVLab publishes it, alone or inside InternVL (OpenGVLab/InternVL
 * internvl_chat/internvl/model/internvl_chat/modeling_intern_vit.py). The defaults are the 6B's; there is no final norm.
 */
export const internVit: VitArchitecture = {
  modelTypes: { intern_vit_6b: [] },
  config: visionConfig(
    {
      hidden_size: 3200,
      intermediate_size: 12800,
      num_hidden_layers: 48,
      num_attention_heads: 25,
      image_size: 224,
      patch_size: 14,
      layer_norm_eps: 1e-6,
      hidden_act: "gelu",
      qkv_bias: false,
    },
    ownFields(
      {
        qk_normalization: flag.default(true),
        norm_type: normType.default("rms_norm"),
        use_moe: z.literal(false, { error: "false" }).optional(),
      },
      (own) => ({
        qkNorm: own.qk_normalization,
        rmsNorm: own.norm_type === "rms_norm",
        postNorm: false,
      }),
      { "They are for experts, which use_moe turns on.": experts },
    ),
  ),
  imageProcessor: clipImageProcessor,
  names: {
    patchEmbedding: "embeddings.patch_embedding",
    patchEmbeddingBias: true,
    classToken: "embeddings.class_embedding",
    classTokenShape: (hiddenSize) => [1, 1, hiddenSize],
    registers: null,
    positions: "embeddings.position_embedding",
    positionsShape: (tokens, hiddenSize) => [1, tokens, hiddenSize],
    block: (index) => {
      const block = `encoder.layers.${index}`;
      return {
        norm1: `${block}.norm1`,
        attention: `${block}.attn.qkv`,
        queryNorm: `${block}.attn.q_norm`,
        keyNorm: `${block}.attn.k_norm`,
        out: `${block}.attn.proj`,
        norm2: `${block}.norm2`,
        fc1: `${block}.mlp.fc1`,
        fc2: `${block}.mlp.fc2`,
        scales: [`${block}.ls1`, `${block}.ls2`],
      };
    },
    firstNorm: null,
    finalNorm: null,
  },
  channelsLast: false,
  grids: { kind: "square", antialias: false },
  refuses: [],
};

/** InternViT in transformers' own names, as InternVL3-*-hf holds it (transformers/models/internvl). */
export const internVlVision: VitArchitecture = {
  modelTypes: { internvl_vision: [] },
  config: visionConfig(
    {
      hidden_size: 1024,
      intermediate_size: 4096,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      image_size: 448,
      patch_size: 14,
      layer_norm_eps: 1e-6,
      hidden_act: "gelu",
      qkv_bias: false,
    },
    ownFields(
      {
        attention_bias: flag.default(false),
        use_qk_norm: flag.default(false),
        norm_type: normType.default("layer_norm"),
        use_mean_pooling: flag.default(true),
        use_absolute_position_embeddings: flag.default(true).refine((value) => value, { error: "true" }),
      },
      (own) => ({
        qkvBias: own.attention_bias,
        qkNorm: own.use_qk_norm,
        rmsNorm: own.norm_type === "rms_norm",
        postNorm: !own.use_mean_pooling,
      }),
    ),
  ),
  imageProcessor: gotOcr2ImageProcessor,
  names: {
    ...vitEmbeddings,
    block: (index) => {
      const block = `encoder.layer.${index}`;
      return {
        norm1: `${block}.layernorm_before`,
        attention: {
          query: `${block}.attention.q_proj`,
          key: `${block}.attention.k_proj`,
          value: `${block}.attention.v_proj`,
        },
        queryNorm: `${block}.attention.q_norm`,
        keyNorm: `${block}.attention.k_norm`,
        out: `${block}.attention.projection_layer`,
        norm2: `${block}.layernorm_after`,
        fc1: `${block}.mlp.fc1`,
        fc2: `${block}.mlp.fc2`,
        scales: [`${block}.lambda_1`, `${block}.lambda_2`],
      };
    },
    firstNorm: null,
    finalNorm: "layernorm",
  },
  channelsLast: false,
  grids: { kind: "square", antialias: false },
  refuses: [],
};
