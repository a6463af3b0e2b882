import type { LinearOp } from "../../nn/ops/linear.ts";
import { epsilon, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { layout, textConfig, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

/** Gemma 3 (transformers/models/gemma3): patches averaged to `mm_tokens_per_image`; an image's embeddings see each other. */
export const gemma3 = defineProjectorFamily({
  type: "gemma3",
  modelTypes: ["gemma3"],
  marker: null,
  config: looseSection({
    mm_tokens_per_image: positiveInteger.default(256),
    vision_config: looseSection({
      image_size: positiveInteger.default(224),
      patch_size: positiveInteger.default(16),
      layer_norm_eps: epsilon.default(1e-6),
    }),
    text_config: textConfig,
  }).refine((c) => Number.isInteger(poolSide(c)), {
    path: ["mm_tokens_per_image"],
    error: "the square of a divisor of image_size / patch_size",
  }),
  landmark: "multi_modal_projector.mm_input_projection_weight",
  read(config, tensors) {
    const own = tensors.below("multi_modal_projector.");
    const projection: LinearOp = {
      op: "linear",
      weight: own.tensor("mm_input_projection_weight", [null, config.text_config?.hidden_size ?? null]),
      bias: null,
      transposed: true,
    };
    const inputDim = widthInto(projection);
    const weight = own.tensor("mm_soft_emb_norm.weight", [inputDim]);
    return {
      inputDim,
      features: { layers: [-1], tokens: "all" },
      ops: [
        { op: "average_pool", factor: poolSide(config) },
        { op: "rms_norm", weight, offset: 1, epsilon: config.vision_config.layer_norm_eps },
        projection,
      ],
      layout: layout({
        prefix: "\n\n<start_of_image>",
        suffix: "<end_of_image>\n\n",
        tiles: {
          kind: "wrapped",
          before: "Here is the original image ",
          after: " and here are some crops to help you see better ",
          between: " ",
        },
        attention: "full",
      }),
    };
  },
});

/** Patches in a row of a pooled cell. */
function poolSide({
  mm_tokens_per_image: tokens,
  vision_config: { image_size: size, patch_size: patch },
}: {
  mm_tokens_per_image: number;
  vision_config: { image_size: number; patch_size: number };
}): number {
  return Math.floor(size / patch) / Math.sqrt(tokens);
}
