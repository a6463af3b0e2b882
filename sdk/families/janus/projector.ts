import { activationName } from "../fields/activations.ts";
import { looseSection } from "../fields/config-fields.ts";
import { activation, layout, linear, textConfig, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

/** Janus and Janus-Pro (transformers/models/janus): two linears, with the tower's activation between them. */
export const janus = defineProjectorFamily({
  type: "janus",
  modelTypes: ["janus"],
  marker: null,
  config: looseSection({
    vision_config: looseSection({ hidden_act: activationName.default("gelu") }),
    text_config: textConfig,
  }),
  landmark: "aligner.fc1.weight",
  read({ vision_config: vision, text_config: text }, tensors) {
    const own = tensors.below("aligner.");
    const first = linear(own, "fc1");
    return {
      inputDim: widthInto(first),
      features: { layers: [-1], tokens: "all" },
      ops: [first, activation(vision.hidden_act), linear(own, "hidden_layers.0", { out: text?.hidden_size })],
      layout: layout({ prefix: "<begin_of_image>", suffix: "<end_of_image>" }),
    };
  },
});
