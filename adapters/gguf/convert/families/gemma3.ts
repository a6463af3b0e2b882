import { expectedBut, ggufValue } from "../../../../sdk/kit.ts";
import { blockNames, rootNames } from "./names.ts";
import type { TextFamily } from "./text-family.ts";

const { float32, uint32 } = ggufValue;

/** llama.cpp's own: each sixth layer attends to everything, the others to a window. */
const PATTERN = 6;

/** Source: llama.cpp's conversion/gemma.py, `Gemma3Model`, and src/models/gemma3.cpp. */
export const gemma3: TextFamily = {
  architecture: "gemma3",
  modelTypes: ["gemma3_text"],
  defaults: {
    vocab_size: 262_208,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
  },
  rootNames,
  blockNames: {
    ...blockNames,
    post_attention_layernorm: "post_attention_norm",
    pre_feedforward_layernorm: "ffn_norm",
    post_feedforward_layernorm: "post_ffw_norm",
  },
  shiftedNorms: true,
  tokenizers: "sentencepiece",
  spacePrefix: false,
  keys: ({ text, family }) => {
    const { final_logit_softcapping: cap, sliding_window: window = family.defaults.sliding_window } = text;
    return [
      ...(typeof cap === "number" && cap !== 0 ? [["final_logit_softcapping", float32(cap)] as const] : []),
      ...(text.sliding_window_pattern !== 1 && typeof window === "number"
        ? [["attention.sliding_window", uint32(window)] as const]
        : []),
    ];
  },
  check({ text, layers, headDim, width, heads, family }, file) {
    const refuse = (what: string, field: string, received: string) =>
      expectedBut("UNSUPPORTED", what, `${field} of ${file}`, received, "llama.cpp computes Gemma 3 in no other way.");
    if (text.attn_logit_softcapping !== undefined && text.attn_logit_softcapping !== null) {
      throw refuse("none", "attn_logit_softcapping", `${text.attn_logit_softcapping}`);
    }
    if (text.use_bidirectional_attention === true) throw refuse("false", "use_bidirectional_attention", "true");
    const pattern = text.sliding_window_pattern ?? text._sliding_window_pattern ?? PATTERN;
    if (pattern !== PATTERN && pattern !== 1) throw refuse(`${PATTERN} or 1`, "sliding_window_pattern", `${pattern}`);
    const { layer_types: types } = text;
    const isFull = (i: number) => pattern === 1 || (i + 1) % PATTERN === 0;
    const differs = (type: unknown, i: number) => (type === "full_attention") !== isFull(i);
    if (Array.isArray(types) && (types.length !== layers || types.some(differs))) {
      throw refuse(`${layers} layers of which each sixth attends to everything`, "layer_types", "others");
    }
    // The scale of attention is the head's size, and in the 27B model that of width / heads.
    const scalar = text.query_pre_attn_scalar ?? family.defaults.query_pre_attn_scalar;
    const scale = layers === 62 ? Math.floor(width / heads) : headDim;
    if (scalar !== scale) throw refuse(`${scale}`, "query_pre_attn_scalar", `${scalar}`);
  },
};
