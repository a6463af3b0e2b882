import { expected, ggufValue } from "../../../../sdk/kit.ts";
import type { TextConfig, TextFamily } from "./text-family.ts";

const { int32s, uint32 } = ggufValue;

/** Source: llama.cpp's conversion/lfm2.py, `LFM2Model`. Most layers are short convolutions. */
export const lfm2: TextFamily = {
  architecture: "lfm2",
  modelTypes: ["lfm2"],
  defaults: {
    vocab_size: 65_536,
    hidden_size: 2560,
    intermediate_size: 12_288,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 128_000,
    norm_eps: 1e-5,
    rope_theta: 1_000_000,
    conv_L_cache: 3,
    block_multiple_of: 256,
    block_ffn_dim_multiplier: 1,
  },
  rootNames: { "model.embed_tokens": "token_embd", "model.embedding_norm": "token_embd_norm", lm_head: "output" },
  blockNames: {
    operator_norm: "attn_norm",
    ffn_norm: "ffn_norm",
    "feed_forward.w1": "ffn_gate",
    "feed_forward.w2": "ffn_down",
    "feed_forward.w3": "ffn_up",
    "conv.conv": "shortconv.conv",
    "conv.in_proj": "shortconv.in_proj",
    "conv.out_proj": "shortconv.out_proj",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.out_proj": "attn_output",
    "self_attn.q_layernorm": "attn_q_norm",
    "self_attn.k_layernorm": "attn_k_norm",
  },
  tokenizers: "byte-level",
  keys: (config) => [
    ["attention.head_count_kv", int32s(layerTypes(config).map((type) => (type === "conv" ? 0 : config.keyValueHeads)))],
    ["vocab_size", uint32(config.vocabSize)],
    ["shortconv.l_cache", uint32(number(config, "conv_L_cache"))],
    ["feed_forward_length", uint32(feedForward(config))],
  ],
};

function number({ text, family }: TextConfig, name: string): number {
  const value = text[name] ?? family.defaults[name];
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw expected("INVALID_CONFIG", "a number above 0", `${name} of config.json`, value);
}

function layerTypes({ text, layers }: TextConfig): unknown[] {
  const { layer_types: types, full_attn_idxs: full } = text;
  if (Array.isArray(types) && types.length === layers) return types;
  if (types !== undefined && types !== null) {
    throw expected("INVALID_CONFIG", `${layers} types`, "layer_types of config.json", types);
  }
  const attends = (i: number) => !Array.isArray(full) || full.includes(i);
  return Array.from({ length: layers }, (_, i) => (attends(i) ? "full_attention" : "conv"));
}

function feedForward(config: TextConfig): number {
  const { text } = config;
  const given = typeof text.block_ff_dim === "number" ? text.block_ff_dim : config.feedForward;
  if (text.block_auto_adjust_ff_dim === false) return given;
  const multiple = number(config, "block_multiple_of");
  const wanted = Math.trunc(number(config, "block_ffn_dim_multiplier") * Math.trunc((2 * given) / 3));
  return multiple * Math.floor((wanted + multiple - 1) / multiple);
}
