import { defineFamily } from "../family.ts";
import { activationName, activations } from "../fields/activations.ts";
import { positiveInteger, positiveNumber } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { qwenVlFields, unreadQwenVlFields, wholeHeads, wholeHeadsError } from "../qwen-vl/config.ts";
import { qwenVlImagePlan, qwenVlPlainBlocks, qwenVlTensors, qwenVlTower } from "../qwen-vl/tower.ts";
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
    return qwenVlImagePlan(config, source, { pixelsOf: "frame", time: { kind: "steps" } });
  },
  read(config, tensors, base) {
    const { embed_dim: hiddenSize, depth, hidden_act } = config;
    const own = qwenVlTensors(tensors);
    const blocks = qwenVlPlainBlocks(own, depth, {
      hiddenSize,
      width: Math.trunc(hiddenSize * config.mlp_ratio),
      activation: activations[hidden_act],
      mlp: ["mlp.fc1", "mlp.fc2"],
    });
    return rotaryVitModel(base, {
      ...qwenVlTower(own, config, hiddenSize),
      patchBias: null,
      positions: null,
      windowSide: null,
      blocks,
    });
  },
});
