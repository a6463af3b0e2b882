import * as z from "zod";
import { linearGroup } from "../../weights/tensor-ref.ts";
import { defineFamily } from "../family.ts";
import { nonNegativeInteger, positiveInteger } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { qwenVlFields, unreadQwenVlFields, wholeHeads, wholeHeadsError } from "../qwen-vl/config.ts";
import { qwenVlAttention, qwenVlImagePlan, qwenVlTensors, qwenVlTower } from "../qwen-vl/tower.ts";
import { rotaryVitModel } from "../rotary-vit/model.ts";

const blockNumbers = { error: "a list of whole numbers >= 0" };

/**
 * The vision tower of Qwen2.5-VL (transformers/models/qwen2_5_vl; arXiv 2502.13923, section 2.1.1): attention in windows but
 * for a few blocks, RMSNorm, gated MLPs.
 */
export const qwen25Vl = defineFamily({
  modelTypes: { qwen2_5_vl: ["vision_config"], qwen2_5_vl_vision: [] },
  config: knownSection(
    {
      ...qwenVlFields,
      depth: positiveInteger.default(32),
      hidden_size: positiveInteger.default(3584),
      intermediate_size: positiveInteger.default(3420),
      hidden_act: z.literal("silu", { error: '"silu"' }).default("silu"),
      patch_size: positiveInteger.default(14),
      window_size: positiveInteger.default(112),
      tokens_per_second: positiveInteger.default(4),
      fullatt_block_indexes: z.array(nonNegativeInteger, blockNumbers).default([7, 15, 23, 31]),
    },
    unreadQwenVlFields,
  ).refine((c) => wholeHeads(c.hidden_size, c.num_heads), wholeHeadsError),
  image(config, source) {
    const time = { kind: "seconds", perSecond: config.tokens_per_second } as const;
    return qwenVlImagePlan(config, source, { pixelsOf: "frame", time });
  },
  read(config, tensors, base) {
    const { hidden_size: d, intermediate_size: width, patch_size: p, spatial_merge_size: merge } = config;
    const own = qwenVlTensors(tensors);
    const blocks = Array.from({ length: config.depth }, (_, i) => {
      const block = own.below(`blocks.${i}.`);
      const gate = block.linear("mlp.gate_proj", [width, d]);
      const up = block.linear("mlp.up_proj", [width, d]);
      return {
        full: config.fullatt_block_indexes.includes(i),
        ...qwenVlAttention(block, d, block.rmsNorm("norm1", d)),
        mlp: {
          type: "gated" as const,
          activation: "silu" as const,
          into: linearGroup({ gate, up }, { norm: block.rmsNorm("norm2", d) }),
          out: linearGroup({ down: block.linear("mlp.down_proj", [d, width]) }),
        },
      };
    });
    own.below("blocks.").requireAllUsed();
    return rotaryVitModel(base, {
      ...qwenVlTower(own, config, d),
      patchBias: null,
      positions: null,
      windowSide: Math.floor(config.window_size / merge / p) * merge,
      blocks,
    });
  },
});
