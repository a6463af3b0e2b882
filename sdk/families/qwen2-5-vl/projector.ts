import { looseSection, positiveInteger } from "../fields/config-fields.ts";
import { activation, layout, linear, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

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
    const first = linear(tensors, "merger.mlp.0");
    const inputDim = widthInto(first) / factor ** 2;
    return {
      inputDim,
      features: { layers: [-1], tokens: "patches" },
      ops: [
        { op: "rms_norm", weight: tensors.tensor("merger.ln_q.weight", [inputDim]), offset: 0, epsilon: 1e-6 },
        { op: "pixel_shuffle", factor },
        first,
        activation("gelu"),
        linear(tensors, "merger.mlp.2", { out }),
      ],
      layout: layout({ prefix: "<|vision_start|>", suffix: "<|vision_end|>" }),
    };
  },
});
