import * as z from "zod";
import { activationName } from "../fields/activations.ts";
import { epsilon, flag, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { activation, layout, linear, textConfig } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

/** A row of an image ends with a token, the last one with another (`PixtralProcessor.replace_image_token`). */
export const pixtralLayout = layout({ rowBreak: "[IMG_BREAK]", suffix: "[IMG_END]" });

/** Mistral 3's (transformers/models/mistral3 `Mistral3MultiModalProjector`): cells of patches become one embedding. */
export const mistral3 = defineProjectorFamily({
  type: "mistral3",
  modelTypes: ["mistral3"],
  marker: null,
  config: looseSection({
    spatial_merge_size: positiveInteger.default(2),
    vision_feature_layer: z.literal(-1, { error: "-1" }).default(-1),
    projector_hidden_act: activationName.default("gelu"),
    multimodal_projector_bias: flag.default(false),
    text_config: textConfig.unwrap().extend({ rms_norm_eps: epsilon.default(1e-6) }),
  }),
  landmark: "multi_modal_projector.linear_1.weight",
  read(config, tensors) {
    const own = tensors.below("multi_modal_projector.");
    const weight = own.tensor("norm.weight", [null]);
    const [inputDim = 0] = weight.shape;
    const bias = config.multimodal_projector_bias;
    return {
      inputDim,
      features: { layers: [-1], tokens: "patches" },
      ops: [
        { op: "rms_norm", weight, offset: 0, epsilon: config.text_config.rms_norm_eps },
        { op: "unfold", factor: config.spatial_merge_size },
        linear(own, "patch_merger.merging_layer", { bias: false, out: inputDim }),
        linear(own, "linear_1", { bias }),
        activation(config.projector_hidden_act),
        linear(own, "linear_2", { bias, out: config.text_config.hidden_size }),
      ],
      layout: pixtralLayout,
    };
  },
});
