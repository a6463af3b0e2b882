import { defineFamily } from "../family.ts";
import { activationName, activations } from "../fields/activations.ts";
import { positiveInteger } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { qwenVlFields, unreadQwenVlFields, wholeHeads, wholeHeadsError } from "../qwen-vl/config.ts";
import { qwenVlImagePlan, qwenVlPlainBlocks, qwenVlTensors, qwenVlTower } from "../qwen-vl/tower.ts";
import { rotaryVitModel } from "../rotary-vit/model.ts";

const squareNumber = positiveInteger.refine((count) => Number.isInteger(Math.sqrt(count)), {
  error: "a square number",
});

/**
 * The vision tower of Qwen3-VL (transformers/models/qwen3_vl), and of Qwen3.5, which has no deepstack: positions that are
 * learned and resized to each image's grid, and positions that rotate.
 */
export const qwen3Vl = defineFamily({
  modelTypes: {
    qwen3_vl: ["vision_config"],
    qwen3_vl_moe: ["vision_config"],
    qwen3_5: ["vision_config"],
    qwen3_5_moe: ["vision_config"],
    qwen3_vl_vision: [],
    qwen3_vl_moe_vision: [],
    qwen3_5_vision: [],
    qwen3_5_moe_vision: [],
  },
  config: knownSection(
    {
      ...qwenVlFields,
      depth: positiveInteger.default(27),
      hidden_size: positiveInteger.default(1152),
      intermediate_size: positiveInteger.default(4304),
      hidden_act: activationName.default("gelu_pytorch_tanh"),
      patch_size: positiveInteger.default(16),
      num_position_embeddings: squareNumber.default(2304),
    },
    unreadQwenVlFields,
  ).refine((c) => wholeHeads(c.hidden_size, c.num_heads), wholeHeadsError),
  image(config, source) {
    return qwenVlImagePlan(config, source, { pixelsOf: "video", time: { kind: "text" } });
  },
  read(config, tensors, base) {
    const { hidden_size: hiddenSize, depth, hidden_act, num_position_embeddings: positions } = config;
    const own = qwenVlTensors(tensors);
    const blocks = qwenVlPlainBlocks(own, depth, {
      hiddenSize,
      width: config.intermediate_size,
      activation: activations[hidden_act],
      mlp: ["mlp.linear_fc1", "mlp.linear_fc2"],
    });
    return rotaryVitModel(base, {
      ...qwenVlTower(own, config, hiddenSize),
      patchBias: own.tensor("patch_embed.proj.bias", [hiddenSize]),
      positions: {
        table: own.tensor("pos_embed.weight", [positions, hiddenSize]),
        side: Math.sqrt(positions),
        resize: "corners",
      },
      windowSide: null,
      blocks,
    });
  },
});
