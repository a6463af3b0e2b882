import * as z from "zod";
import type { ProjectorFeatures } from "../../contract/projector.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { type ActivationName, activationName } from "../fields/activations.ts";
import { integer, looseSection, oneOf } from "../fields/config-fields.ts";
import { activation, downsampleRatio, layerNorm, layout, linear, textConfig, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily, type ReadProjector } from "../projector/projector-family.ts";

interface Parts {
  readonly names: { readonly norm: string; readonly first: string; readonly second: string };
  readonly factor: number;
  readonly activation: ActivationName;
  readonly out: number | undefined;
  readonly features: ProjectorFeatures;
}

/** Pixel shuffle "v2", a LayerNorm of torch's own epsilon, two linears. */
function readMlp1({ names, factor, activation: act, out, features }: Parts, tensors: TensorLookup): ReadProjector {
  const first = linear(tensors, names.first);
  return {
    inputDim: widthInto(first) / factor ** 2,
    features,
    ops: [
      { op: "pixel_shuffle", factor },
      layerNorm(tensors, names.norm),
      first,
      activation(act),
      linear(tensors, names.second, { out }),
    ],
    layout: layout({ prefix: "<img>", suffix: "</img>" }),
  };
}

/** InternVL in transformers' names (transformers/models/internvl). */
export const internVl = defineProjectorFamily({
  type: "internvl",
  modelTypes: ["internvl"],
  marker: null,
  config: looseSection({
    downsample_ratio: downsampleRatio.prefault(0.5),
    projector_hidden_act: activationName.default("gelu"),
    vision_feature_layer: integer.default(-1),
    vision_feature_select_strategy: oneOf("default", "full").default("default"),
    text_config: textConfig,
  }),
  landmark: "multi_modal_projector.layer_norm.weight",
  read(config, tensors) {
    const tokens = config.vision_feature_select_strategy === "default" ? "all_but_first" : "all";
    const at = (name: string) => `multi_modal_projector.${name}`;
    const parts: Parts = {
      names: { norm: at("layer_norm"), first: at("linear_1"), second: at("linear_2") },
      factor: config.downsample_ratio,
      activation: config.projector_hidden_act,
      out: config.text_config?.hidden_size,
      features: { layers: [config.vision_feature_layer], tokens },
    };
    return readMlp1(parts, tensors);
  },
});

/** InternVL in its own names (OpenGVLab/InternVL modeling_internvl_chat.py). */
export const internVlChat = defineProjectorFamily({
  type: "internvl",
  modelTypes: ["internvl_chat"],
  marker: null,
  config: looseSection({
    downsample_ratio: downsampleRatio.prefault(0.5),
    select_layer: integer.default(-1),
    ps_version: z.literal("v2", { error: '"v2": version 1 turns the grid of tokens' }),
    llm_config: textConfig,
  }),
  landmark: "mlp1.0.weight",
  read(config, tensors) {
    const parts: Parts = {
      names: { norm: "mlp1.0", first: "mlp1.1", second: "mlp1.3" },
      factor: config.downsample_ratio,
      activation: "gelu",
      out: config.llm_config?.hidden_size,
      features: { layers: [config.select_layer], tokens: "all_but_first" },
    };
    return readMlp1(parts, tensors);
  },
});
