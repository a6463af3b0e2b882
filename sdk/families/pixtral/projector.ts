import * as z from "zod";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { type ActivationName, activationName } from "../fields/activations.ts";
import { epsilon, flag, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { activation, layout, linear, textConfig } from "../projector/parts.ts";
import { defineProjectorFamily, type ReadProjector } from "../projector/projector-family.ts";

/** A row of an image ends with a token, the last one with another (`PixtralProcessor.replace_image_token`). */
export const pixtralLayout = layout({ rowBreak: "[IMG_BREAK]", suffix: "[IMG_END]" });

const mergingFields = {
  spatial_merge_size: positiveInteger.default(2),
  text_config: textConfig.unwrap().extend({ rms_norm_eps: epsilon.default(1e-6) }),
};

interface MergingConfig {
  readonly spatial_merge_size: number;
  readonly text_config: { readonly hidden_size?: number | undefined; readonly rms_norm_eps: number };
}

/** Cells of patches become one embedding (transformers/models/mistral3 `Mistral3MultiModalProjector`). */
function readMerging(
  { spatial_merge_size: factor, text_config: text }: MergingConfig,
  own: TensorLookup,
  act: ActivationName,
  bias: boolean,
): Omit<ReadProjector, "layout"> {
  const weight = own.tensor("norm.weight", [null]);
  const [inputDim = 0] = weight.shape;
  return {
    inputDim,
    features: { layers: [-1], tokens: "patches" },
    ops: [
      { op: "rms_norm", weight, offset: 0, epsilon: text.rms_norm_eps },
      { op: "unfold", factor },
      linear(own, "patch_merger.merging_layer", { bias: false, out: inputDim }),
      linear(own, "linear_1", { bias }),
      activation(act),
      linear(own, "linear_2", { bias, out: text.hidden_size }),
    ],
  };
}

/** Mistral 3's (transformers/models/mistral3). */
export const mistral3 = defineProjectorFamily({
  type: "mistral3",
  modelTypes: ["mistral3"],
  marker: null,
  config: looseSection({
    ...mergingFields,
    vision_feature_layer: z.literal(-1, { error: "-1" }).default(-1),
    projector_hidden_act: activationName.default("gelu"),
    multimodal_projector_bias: flag.default(false),
  }),
  landmark: "multi_modal_projector.linear_1.weight",
  read: (config, tensors) => ({
    ...readMerging(
      config,
      tensors.below("multi_modal_projector."),
      config.projector_hidden_act,
      config.multimodal_projector_bias,
    ),
    layout: pixtralLayout,
  }),
});

/** LightOnOCR's (transformers/models/lighton_ocr), whose embeddings have nothing between the rows and around them. */
export const lightOnOcr = defineProjectorFamily({
  type: "lighton_ocr",
  modelTypes: ["lighton_ocr"],
  marker: null,
  config: looseSection(mergingFields),
  landmark: "vision_projection.linear_1.weight",
  read: (config, tensors) => ({
    ...readMerging(config, tensors.below("vision_projection."), "gelu", false),
    layout: layout({}),
  }),
});
