import * as z from "zod";
import { looseSection, nonNegativeInteger, positiveInteger } from "../fields/config-fields.ts";
import { layerNorm } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";
import { mergerMlp, normWidth, qwenVlLayout } from "../qwen-vl/merger.ts";

const EPSILON = 1e-6;
const blockNumbers = { error: "a list of whole numbers >= 0" };
const withDeepstack = ["qwen3_vl", "qwen3_vl_moe"];

/**
 * Qwen3-VL's mergers (transformers/models/qwen3_vl `Qwen3VLVisionPatchMerger`): cells of patches become one embedding, and
 * those after a few earlier blocks an embedding of one more level. Qwen3.5 has the first alone.
 */
export const qwen3VlProjector = defineProjectorFamily({
  type: "qwen3_vl",
  modelTypes: [...withDeepstack, "qwen3_5", "qwen3_5_moe"],
  marker: null,
  config: looseSection({
    model_type: z.string(),
    vision_config: looseSection({
      spatial_merge_size: positiveInteger.default(2),
      out_hidden_size: positiveInteger.default(3584),
      deepstack_visual_indexes: z.array(nonNegativeInteger, blockNumbers).optional(),
    }),
  }),
  landmark: "merger.norm.weight",
  read({ model_type: type, vision_config: vision }, tensors) {
    const { spatial_merge_size: factor, out_hidden_size: out } = vision;
    const levels = withDeepstack.includes(type) ? (vision.deepstack_visual_indexes ?? [8, 16, 24]) : [];
    const mergers = tensors.below("deepstack_merger_list.");
    const deepstack = levels.map((block, i) => {
      const own = mergers.below(`${i}.`);
      const ops = [layerNorm(own, "norm", EPSILON), ...mergerMlp(own, "linear_fc1", "linear_fc2", out)];
      return { layer: block + 1, ops: [{ op: "pixel_shuffle" as const, factor }, ...ops] };
    });
    mergers.requireAllUsed();
    const norm = layerNorm(tensors, "merger.norm", EPSILON);
    return {
      inputDim: normWidth(norm.weight),
      features: { layers: [-1], tokens: "patches" },
      ops: [
        norm,
        { op: "pixel_shuffle", factor },
        ...mergerMlp(tensors, "merger.linear_fc1", "merger.linear_fc2", out),
      ],
      deepstack,
      layout: qwenVlLayout,
    };
  },
});
