import { epsilon, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { activation, layerNorm, layout, linear } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

/** `out`: the language model's width where config.json leaves it out. */
const merger = (type: string, modelTypes: readonly string[], out: number) =>
  defineProjectorFamily({
    type,
    modelTypes,
    marker: null,
    config: looseSection({
      vision_config: looseSection({
        out_hidden_size: positiveInteger.default(out),
        spatial_merge_size: positiveInteger.default(2),
        rms_norm_eps: epsilon.default(1e-5),
      }),
    }),
    landmark: "merger.proj.weight",
    read({ vision_config: { out_hidden_size: width, spatial_merge_size: factor, rms_norm_eps } }, tensors) {
      const norm = tensors.tensor("post_layernorm.weight", [null]);
      const [inputDim = 0] = norm.shape;
      const own = tensors.below("merger.");
      const square = (name: string) => own.tensor(`${name}.weight`, [null, width]);
      const kernel = tensors.tensor("downsample.weight", [width, inputDim, factor, factor]);
      return {
        inputDim,
        features: { layers: [-1], tokens: "patches" },
        ops: [
          { op: "rms_norm", weight: norm, offset: 0, epsilon: rms_norm_eps },
          // A convolution that goes from cell to cell is a linear of each cell.
          { op: "unfold", factor },
          {
            op: "linear",
            weight: { ...kernel, shape: [width, inputDim * factor ** 2] },
            bias: tensors.tensor("downsample.bias", [width]),
            transposed: false,
          },
          linear(own, "proj", { bias: false, out: width }),
          layerNorm(own, "post_projection_norm"),
          activation("gelu"),
          {
            op: "gated_mlp",
            gate: square("gate_proj"),
            up: square("up_proj"),
            down: own.tensor("down_proj.weight", [width, null]),
          },
        ],
        layout: layout({ prefix: "<|begin_of_image|>", suffix: "<|end_of_image|>" }),
      };
    },
  });

/** GLM-4V's merger (transformers/models/glm4v `Glm4vVisionPatchMerger`): cells of patches become one embedding. */
export const glm4vProjector = merger("glm4v", ["glm4v", "glm4v_moe", "glm46v"], 4096);

/** GLM-OCR's (transformers/models/glm_ocr `GlmOcrVisionPatchMerger`). */
export const glmOcrProjector = merger("glm_ocr", ["glm_ocr"], 1536);
