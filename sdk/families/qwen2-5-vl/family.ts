import { z } from "zod";
import { linearGroup } from "../../weights/tensor-ref.ts";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import { nonNegativeInteger, oneOf, positiveInteger, section } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { buildQwen25VlEncoder, buildQwen25VlProjector } from "./forward.ts";
import { qwen2VlImageProcessor } from "./image.ts";
import type { Qwen25VlSpec } from "./spec.ts";

/** Values that are fixed here: a config may say them. */
const rgbChannels = z
  .literal(3, { error: "3 (RGB)" })
  .nullish()
  .transform(() => undefined);
const rotation = section({
  rope_theta: z.literal(10000, { error: "10000" }),
  rope_type: oneOf("axial", "default").optional(),
})
  .nullish()
  .transform(() => undefined);
const blockNumbers = { error: "a list of whole numbers >= 0" };

/** The vision tower of Qwen2.5-VL (transformers/models/qwen2_5_vl; arXiv 2502.13923, section 2.1.1). */
export const qwen25Vl = defineFamily({
  modelTypes: { qwen2_5_vl: ["vision_config"], qwen2_5_vl_vision: [] },
  config: knownSection(
    {
      depth: positiveInteger.default(32),
      hidden_size: positiveInteger.default(3584),
      intermediate_size: positiveInteger.default(3420),
      num_heads: positiveInteger.default(16),
      hidden_act: z.literal("silu", { error: '"silu"' }).default("silu"),
      patch_size: positiveInteger.default(14),
      temporal_patch_size: positiveInteger.default(2),
      spatial_merge_size: positiveInteger.default(2),
      window_size: positiveInteger.default(112),
      fullatt_block_indexes: z.array(nonNegativeInteger, blockNumbers).default([7, 15, 23, 31]),
      in_channels: rgbChannels,
      in_chans: rgbChannels,
      rope_parameters: rotation,
    },
    unreadConfigFields,
    {
      "They are for films.": ["tokens_per_second"],
      "It is the projector's.": ["out_hidden_size"],
      "patch_size says it.": ["spatial_patch_size"],
    },
  ).refine((c) => c.hidden_size % (4 * c.num_heads) === 0, {
    path: ["num_heads"],
    error: "a number of heads whose size is a multiple of 4",
  }),
  image({ patch_size: patchSize, spatial_merge_size: merge }, source) {
    const own = qwen2VlImageProcessor(merge);
    return readImagePlan(source, { imageSize: null, patchSize, grids: "native" }, own, [own]);
  },
  read(config, tensors, base) {
    const { hidden_size: d, intermediate_size: width, patch_size: p, spatial_merge_size: merge } = config;
    const [prefix = ""] = tensors.prefixesOf("patch_embed.proj.weight");
    const own = tensors.below(prefix);
    const spec: Qwen25VlSpec = {
      hiddenSize: d,
      heads: config.num_heads,
      patchSize: p,
      patchEmbedding: own.tensor("patch_embed.proj.weight", [d, 3, config.temporal_patch_size, p, p]),
      windowSide: Math.floor(config.window_size / merge / p) * merge,
      blocks: Array.from({ length: config.depth }, (_, i) => {
        const block = own.below(`blocks.${i}.`);
        const [query, key, value] = block.fusedLinears("attn.qkv", [d, d]);
        const gate = block.linear("mlp.gate_proj", [width, d]);
        const up = block.linear("mlp.up_proj", [width, d]);
        return {
          full: config.fullatt_block_indexes.includes(i),
          attention: linearGroup({ query, key, value }, { norm: block.rmsNorm("norm1", d) }),
          attentionOut: linearGroup({ out: block.linear("attn.proj", [d, d]) }),
          mlp: linearGroup({ gate, up }, { norm: block.rmsNorm("norm2", d) }),
          mlpOut: linearGroup({ down: block.linear("mlp.down_proj", [d, width]) }),
        };
      }),
    };
    own.below("blocks.").requireAllUsed();
    const maxTokens = base.image.geometry === "native" ? base.image.maxPatches : 0;
    return defineModel(base, {
      encoder: { patchSize: p, grid: null, maxTokens, featureDim: d },
      weights: { encoder: spec, others: [] },
      graphs: {
        encode: {
          takes: "patches",
          build: (weights: Qwen25VlSpec, settings) => buildQwen25VlEncoder(weights, settings),
        },
      },
      project: (projector, weights: Qwen25VlSpec, settings) => buildQwen25VlProjector(weights, projector, settings),
    });
  },
});
