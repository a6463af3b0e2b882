import { looseSection, positiveInteger } from "../fields/config-fields.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";
import { mergerMlp, normWidth, qwenVlLayout } from "../qwen-vl/merger.ts";

/** Qwen2.5-VL's merger (transformers/models/qwen2_5_vl `Qwen2_5_VLPatchMerger`): cells of patches become one embedding. */
export const qwen25VlProjector = defineProjectorFamily({
  type: "qwen2_5_vl",
  modelTypes: ["qwen2_5_vl"],
  marker: null,
  config: looseSection({
    vision_config: looseSection({
      spatial_merge_size: positiveInteger.default(2),
      out_hidden_size: positiveInteger.default(3584),
    }),
  }),
  landmark: "merger.ln_q.weight",
  read({ vision_config: { spatial_merge_size: factor, out_hidden_size: out } }, tensors) {
    const weight = tensors.tensor("merger.ln_q.weight", [null]);
    return {
      inputDim: normWidth(weight),
      features: { layers: [-1], tokens: "patches" },
      ops: [
        { op: "rms_norm", weight, offset: 0, epsilon: 1e-6 },
        { op: "pixel_shuffle", factor },
        ...mergerMlp(tensors, "merger.mlp.0", "merger.mlp.2", out),
      ],
      layout: qwenVlLayout,
    };
  },
});
