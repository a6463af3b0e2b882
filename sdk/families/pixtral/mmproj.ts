import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, type MmprojKeys, towerConfig } from "../mmproj/mmproj-keys.ts";
import type { TowerNames } from "../mmproj/tower-names.ts";

/** Mistral 3 merges cells of patches, Pixtral does not. */
const merges = (keys: MmprojKeys): boolean => keys.hasTensor("mm.patch_merger.weight");

const tower: TowerNames = {
  parts: { "v.patch_embd": "vision_tower.patch_conv", "v.pre_ln": "vision_tower.ln_pre" },
  block: (index) => `vision_tower.transformer.layers.${index}.`,
  inBlock: {
    ln1: "attention_norm",
    attn_q: "attention.q_proj",
    attn_k: "attention.k_proj",
    attn_v: "attention.v_proj",
    attn_out: "attention.o_proj",
    ln2: "ffn_norm",
    ffn_gate: "feed_forward.gate_proj",
    ffn_up: "feed_forward.up_proj",
    ffn_down: "feed_forward.down_proj",
  },
};

/** The projector's tensors, below `prefix` in a checkpoint. */
const projectorNames = (prefix: string) => ({
  "mm.input_norm.weight": `${prefix}.norm.weight`,
  "mm.patch_merger.weight": `${prefix}.patch_merger.merging_layer.weight`,
  "mm.1.weight": `${prefix}.linear_1.weight`,
  "mm.1.bias": `${prefix}.linear_1.bias`,
  "mm.2.weight": `${prefix}.linear_2.weight`,
  "mm.2.bias": `${prefix}.linear_2.bias`,
});

function visionConfig(keys: MmprojKeys): Record<string, unknown> {
  const { image_size: _size, layer_norm_eps: _epsilon, ...own } = towerConfig(keys, "gelu");
  return {
    model_type: "pixtral",
    ...own,
    rope_theta: keys.numberOr("clip.rope.freq_base", 10_000),
    // The converter's `permute` undoes transformers' own; Mistral's files never had it.
    rope_interleave: true,
  };
}

const processor = (keys: MmprojKeys) => ({
  image_processor_type: "PixtralImageProcessor",
  size: { longest_edge: keys.number("clip.vision.image_size") },
  patch_size: keys.number("clip.vision.patch_size"),
  ...channelFields(keys),
});

/** llama.cpp conversion/llava.py (of transformers' files) and pixtral.py (of Mistral's own): Pixtral and Mistral 3 */
export const pixtralMmproj: MmprojFamily = {
  type: "pixtral",
  tower,
  projector: projectorNames("multi_modal_projector"),
  config(keys) {
    const { layer_norm_eps: epsilon } = towerConfig(keys, "gelu");
    return {
      ...(merges(keys)
        ? { model_type: "mistral3", spatial_merge_size: keys.number("clip.vision.spatial_merge_size") }
        : { model_type: "llava", vision_feature_select_strategy: "full" }),
      vision_feature_layer: -1,
      multimodal_projector_bias: keys.hasTensor("mm.1.bias"),
      // Of the projector's norm: llama.cpp has one epsilon for both.
      text_config: { hidden_size: keys.number("clip.vision.projection_dim"), rms_norm_eps: epsilon },
      vision_config: visionConfig(keys),
    };
  },
  processor,
};

/** llama.cpp conversion/lighton_ocr.py */
export const lightOnOcrMmproj: MmprojFamily = {
  type: "lightonocr",
  tower,
  projector: projectorNames("vision_projection"),
  config: (keys) => ({
    model_type: "lighton_ocr",
    spatial_merge_size: keys.numberOr("clip.vision.spatial_merge_size", 2),
    // The epsilon of the projector's norm is the language model's, which the file does not say: it is that of the published ones.
    text_config: { hidden_size: keys.number("clip.vision.projection_dim"), rms_norm_eps: 1e-6 },
    vision_config: visionConfig(keys),
  }),
  processor,
};
