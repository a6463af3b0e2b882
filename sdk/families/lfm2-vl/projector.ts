import { activationName } from "../fields/activations.ts";
import { flag, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { activation, layerNorm, layout, linear, textConfig, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily } from "../projector/projector-family.ts";

/** LFM2-VL (transformers/models/lfm2_vl): images of their own aspect ratio; large ones in tiles, then a thumbnail. */
export const lfm2Vl = defineProjectorFamily({
  type: "lfm2_vl",
  modelTypes: ["lfm2_vl", "lfm2-vl"],
  marker: null,
  config: looseSection({
    downsample_factor: positiveInteger.default(2),
    projector_use_layernorm: flag.default(true),
    projector_bias: flag.default(true),
    projector_hidden_act: activationName.default("gelu"),
    text_config: textConfig,
  }),
  landmark: "multi_modal_projector.linear_1.weight",
  read(config, tensors) {
    const { downsample_factor: factor, projector_bias: bias } = config;
    const own = tensors.below("multi_modal_projector.");
    const first = linear(own, "linear_1", { bias });
    return {
      inputDim: widthInto(first) / factor ** 2,
      features: { layers: [-1], tokens: "all" },
      ops: [
        { op: "pixel_shuffle", factor },
        ...(config.projector_use_layernorm ? [layerNorm(own, "layer_norm")] : []),
        first,
        activation(config.projector_hidden_act),
        linear(own, "linear_2", { bias, out: config.text_config?.hidden_size }),
      ],
      layout: layout({
        prefix: "<|image_start|>",
        suffix: "<|image_end|>",
        tiles: {
          kind: "separate",
          tile: "<|img_row_{row}_col_{column}|>",
          rowEnd: "",
          whole: "<|img_thumbnail|>",
          wholeAlone: "",
        },
      }),
    };
  },
});
