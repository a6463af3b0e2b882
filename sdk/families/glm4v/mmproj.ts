import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, hiddenAct, type MmprojKeys, shortest } from "../mmproj/mmproj-keys.ts";
import { mlpWidth, qwenVlNames, secondFrame } from "../qwen-vl/mmproj.ts";

/** Pixels of an image and its double, as in the published models' preprocessor_config.json. */
const SIZE = { shortest_edge: 112 * 112, longest_edge: 14 * 14 * 2 * 2 * 2 * 6144 };

/** GLM-OCR has no learned positions. */
const isOcr = (keys: MmprojKeys): boolean => !keys.hasTensor("v.position_embd.weight");

const qwen = qwenVlNames({ ffn_gate: "mlp.gate_proj", ffn_up: "mlp.up_proj", ffn_down: "mlp.down_proj" });

/** llama.cpp conversion/qwen3vl.py `Glm4VVisionModel`: GLM-4.1V, 4.5V, 4.6V and GLM-OCR */
export const glm4vMmproj: MmprojFamily = {
  type: "glm4v",
  tower: {
    ...qwen,
    parts: {
      "v.patch_embd": "visual.patch_embed.proj",
      "v.norm_embd": "visual.post_conv_layernorm",
      "v.position_embd": "visual.embeddings.position_embedding",
    },
    inBlock: { ...qwen.inBlock, attn_q_norm: "attn.q_norm", attn_k_norm: "attn.k_norm" },
  },
  projector: {
    ...secondFrame,
    "v.post_ln.weight": "visual.post_layernorm.weight",
    "mm.patch_merger.weight": "visual.downsample.weight",
    "mm.patch_merger.bias": "visual.downsample.bias",
    "mm.model.fc.weight": "visual.merger.proj.weight",
    "mm.post_norm.weight": "visual.merger.post_projection_norm.weight",
    "mm.post_norm.bias": "visual.merger.post_projection_norm.bias",
    "mm.up.weight": "visual.merger.up_proj.weight",
    "mm.gate.weight": "visual.merger.gate_proj.weight",
    "mm.down.weight": "visual.merger.down_proj.weight",
  },
  config(keys) {
    const type = isOcr(keys) ? "glm_ocr" : "glm4v";
    const inner = mlpWidth(keys);
    return {
      model_type: type,
      vision_config: {
        model_type: type,
        depth: keys.number("clip.vision.block_count"),
        hidden_size: keys.number("clip.vision.embedding_length"),
        intermediate_size: inner,
        out_hidden_size: keys.number("clip.vision.projection_dim"),
        num_heads: keys.number("clip.vision.attention.head_count"),
        hidden_act: hiddenAct(keys, "gelu"),
        attention_bias: ["attn_q", "attn_qkv"].some((name) => keys.hasTensor(`v.blk.0.${name}.bias`)),
        image_size: keys.number("clip.vision.image_size"),
        patch_size: keys.number("clip.vision.patch_size"),
        rms_norm_eps: shortest(keys.number("clip.vision.attention.layer_norm_epsilon")),
        spatial_merge_size: keys.numberOr("clip.vision.spatial_merge_size", 2),
      },
    };
  },
  processor: (keys) => ({
    image_processor_type: "Glm4vImageProcessor",
    size: SIZE,
    patch_size: keys.number("clip.vision.patch_size"),
    merge_size: keys.numberOr("clip.vision.spatial_merge_size", 2),
    ...channelFields(keys),
  }),
};
