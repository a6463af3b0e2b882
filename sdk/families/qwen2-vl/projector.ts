import { looseSection, positiveInteger } from "../fields/config-fields.ts";
import { layerNorm } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";
import { mergerMlp, normWidth, qwenVlLayout } from "../qwen-vl/merger.ts";

/** Qwen2-VL's merger (transformers/models/qwen2_vl `PatchMerger`): cells of patches become one embedding. */
export const qwen2VlProjector = defineProjectorFamily({
  type: "qwen2_vl",
  modelTypes: ["qwen2_vl"],
  marker: null,
  config: looseSection({
    vision_config: looseSection({
      hidden_size: positiveInteger.default(3584),
      spatial_merge_size: positiveInteger.default(2),
    }),
  }),
  landmark: "merger.ln_q.weight",
  read({ vision_config: { hidden_size: out, spatial_merge_size: factor } }, tensors) {
    const norm = layerNorm(tensors, "merger.ln_q", 1e-6);
    return {
      inputDim: normWidth(norm.weight),
      features: { layers: [-1], tokens: "patches" },
      ops: [norm, { op: "pixel_shuffle", factor }, ...mergerMlp(tensors, "merger.mlp.0", "merger.mlp.2", out)],
      layout: qwenVlLayout,
    };
  },
});
