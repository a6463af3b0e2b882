import { linearGroup } from "../../weights/tensor-ref.ts";
import { defineFamily } from "../family.ts";
import { activationName, activations } from "../fields/activations.ts";
import { positiveInteger, positiveNumber } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { qwenVlFields, unreadQwenVlFields, wholeHeads, wholeHeadsError } from "../qwen-vl/config.ts";
import { qwenVlAttention, qwenVlImagePlan, qwenVlTensors, qwenVlTower } from "../qwen-vl/tower.ts";
import { rotaryVitModel } from "../rotary-vit/model.ts";

/** The vision tower of Qwen2-VL (transformers/models/qwen2_vl; arXiv 2409.12191, section 2.1). */
export const qwen2Vl = defineFamily({
  modelTypes: { qwen2_vl: ["vision_config"], qwen2_vl_vision: [] },
  config: knownSection(
    {
      ...qwenVlFields,
      depth: positiveInteger.default(32),
      embed_dim: positiveInteger.default(1280),
      mlp_ratio: positiveNumber.default(4),
      hidden_act: activationName.default("quick_gelu"),
      patch_size: positiveInteger.default(14),
    },
    unreadQwenVlFields,
    { "It is the projector's: embed_dim is the tower's own width.": ["hidden_size"] },
  ).refine((c) => wholeHeads(c.embed_dim, c.num_heads), wholeHeadsError),
  image(config, source) {
    return qwenVlImagePlan(config, source);
  },
  read(config, tensors, base) {
    const { embed_dim: d, patch_size: p } = config;
    const width = Math.trunc(d * config.mlp_ratio);
    const own = qwenVlTensors(tensors);
    const blocks = Array.from({ length: config.depth }, (_, i) => {
      const block = own.below(`blocks.${i}.`);
      const up = block.linear("mlp.fc1", [width, d]);
      return {
        full: true,
        ...qwenVlAttention(block, d, block.layerNorm("norm1", d)),
        mlp: {
          type: "plain" as const,
          activation: activations[config.hidden_act],
          into: linearGroup({ up }, { norm: block.layerNorm("norm2", d) }),
          out: linearGroup({ down: block.linear("mlp.fc2", [d, width]) }),
        },
      };
    });
    own.below("blocks.").requireAllUsed();
    return rotaryVitModel(base, {
      ...qwenVlTower,
      hiddenSize: d,
      heads: config.num_heads,
      patchSize: p,
      patchEmbedding: own.tensor("patch_embed.proj.weight", [d, 3, config.temporal_patch_size, p, p]),
      patchBias: null,
      positions: null,
      windowSide: null,
      blocks,
    });
  },
});
