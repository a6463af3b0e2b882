import { ggufValue, isObject } from "../../../../sdk/kit.ts";
import { blockNames, rootNames } from "./names.ts";
import type { OwnKeys, TextConfig, TextFamily } from "./text-family.ts";

const { uint32 } = ggufValue;

/** Source: llama.cpp's conversion/qwen.py, qwenvl.py and qwen3vl.py. */
const qwen2: TextFamily = {
  architecture: "qwen2",
  // The second is what the trainer of csuhan/Tar calls its Qwen2.
  modelTypes: ["qwen2", "llava_qwen"],
  defaults: {
    vocab_size: 151_936,
    hidden_size: 4096,
    intermediate_size: 22_016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    rms_norm_eps: 1e-6,
  },
  rootNames,
  blockNames,
  tokenizers: "either",
};

const qwen3: TextFamily = {
  ...qwen2,
  architecture: "qwen3",
  modelTypes: ["qwen3"],
  defaults: { ...qwen2.defaults, head_dim: 128 },
};

const qwen2vl: TextFamily = {
  ...qwen2,
  architecture: "qwen2vl",
  modelTypes: ["qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text"],
  defaults: {
    ...qwen2.defaults,
    vocab_size: 152_064,
    hidden_size: 8192,
    intermediate_size: 29_568,
    num_hidden_layers: 80,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-5,
  },
};

const deepstack = ({ raw: { vision_config: vision } }: TextConfig): OwnKeys => {
  const indexes = isObject(vision) ? (vision.deepstack_visual_indexes ?? [8, 16, 24]) : [];
  return [["n_deepstack_layers", uint32(Array.isArray(indexes) ? indexes.length : 0)]];
};

const qwen3vl: TextFamily = {
  ...qwen3,
  architecture: "qwen3vl",
  modelTypes: ["qwen3_vl", "qwen3_vl_text"],
  defaults: { ...qwen3.defaults, max_position_embeddings: 128_000 },
  keys: deepstack,
};

const expertLength = ({ text, family }: TextConfig): OwnKeys => {
  const size = text.moe_intermediate_size ?? family.defaults.moe_intermediate_size;
  return typeof size === "number" ? [["expert_feed_forward_length", uint32(size)]] : [];
};

const qwen3moe: TextFamily = {
  ...qwen2,
  architecture: "qwen3moe",
  modelTypes: ["qwen3_moe"],
  defaults: {
    ...qwen2.defaults,
    hidden_size: 2048,
    intermediate_size: 6144,
    num_hidden_layers: 24,
    num_key_value_heads: 4,
    moe_intermediate_size: 768,
    num_experts: 128,
    num_experts_per_tok: 8,
  },
  blockNames: { ...blockNames, "mlp.gate": "ffn_gate_inp" },
  tokenizers: "byte-level",
  keys: expertLength,
};

const qwen3vlmoe: TextFamily = {
  ...qwen3moe,
  architecture: "qwen3vlmoe",
  modelTypes: ["qwen3_vl_moe", "qwen3_vl_moe_text"],
  defaults: {
    ...qwen3moe.defaults,
    intermediate_size: 5632,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    max_position_embeddings: 128_000,
    moe_intermediate_size: 1408,
    num_experts: 60,
    num_experts_per_tok: 4,
  },
  headDimFromWidth: true,
  transposedExperts: true,
  keys: (config) => [...expertLength(config), ...deepstack(config)],
};

export const qwens: readonly TextFamily[] = [qwen2, qwen3, qwen2vl, qwen3vl, qwen3moe, qwen3vlmoe];
