import * as z from "zod";
import type { ProjectorFeatures } from "../../contract/projector.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { activationName } from "../fields/activations.ts";
import { flag, integer, layers, looseSection, oneOf } from "../fields/config-fields.ts";
import { pixtralLayout } from "../pixtral/projector.ts";
import { activation, layerNorm, layout, linear, textConfig, widthInto } from "../projector/parts.ts";
import { defineProjectorFamily, type ReadProjector } from "../projector/projector-family.ts";

/** What of the encoder's sequence `vision_feature_select_strategy` takes. */
const strategies = { default: "all_but_first", full: "all" } as const;

const config = looseSection({
  vision_feature_layer: layers.default([-2]),
  vision_feature_select_strategy: oneOf("default", "full").default("default"),
  projector_hidden_act: activationName.default("gelu"),
  multimodal_projector_bias: flag.default(true),
  text_config: textConfig,
  vision_config: looseSection({ model_type: z.string().optional() }).optional(),
});
type Config = z.infer<typeof config>;

const landmark = "multi_modal_projector.linear_1.weight";

/** Two linears and an activation, in transformers' names. */
function readMlp(config: Config, tensors: TensorLookup): Omit<ReadProjector, "layout"> {
  const bias = config.multimodal_projector_bias;
  const first = linear(tensors, "multi_modal_projector.linear_1", { bias });
  const second = linear(tensors, "multi_modal_projector.linear_2", { bias, out: config.text_config?.hidden_size });
  return {
    inputDim: widthInto(first),
    features: {
      layers: config.vision_feature_layer,
      postNorm: false, // `hidden_states`, which come before the tower's final norm, the last one too
      tokens: strategies[config.vision_feature_select_strategy],
    },
    ops: [first, activation(config.projector_hidden_act), second],
  };
}

/** LLaVA 1.5 (transformers/models/llava): `<image>` becomes the embeddings alone, but for a break after each row of Pixtral's. */
export const llava = defineProjectorFamily({
  type: "llava",
  modelTypes: ["llava"],
  marker: null,
  config,
  landmark,
  read: (config, tensors) => ({
    ...readMlp(config, tensors),
    layout: config.vision_config?.model_type === "pixtral" ? pixtralLayout : layout({}),
  }),
});

/** LLaVA 1.6 (transformers/models/llava_next): the whole image, then its tiles as one grid with a newline a row. */
export const llavaNext = defineProjectorFamily({
  type: "llava_next",
  modelTypes: ["llava_next"],
  marker: null,
  config,
  landmark,
  read: (config, tensors) => ({
    ...readMlp(config, tensors),
    layout: layout({ tiles: { kind: "stitched", newline: tensors.tensor("image_newline", [null]) } }),
  }),
});

const types = { error: '"mlp2x_gelu" or "mlp2x_gelu_Norm"' };
const original = looseSection({
  mm_projector_type: z.string(types).regex(/^mlp[1-9]x_gelu(_Norm)?$/, types),
  mm_vision_select_layer: integer.default(-2),
  mm_vision_select_feature: oneOf("patch", "cls_patch").default("patch"),
  mm_patch_merge_type: oneOf("flat", "spatial_unpad").default("flat"),
  image_aspect_ratio: oneOf("square", "pad", "anyres").default("square"),
});

/**
 * LLaVA in its own names (haotian-liu/LLaVA llava/model/multimodal_projector/builder.py, llava_arch.py), and Yi-VL, whose
 * linears have a norm behind them (01-ai/Yi VL/llava/model/multimodal_projector/builder.py).
 */
export const originalLlava = defineProjectorFamily({
  type: "llava",
  modelTypes: [],
  marker: "mm_projector_type",
  config: original,
  landmark: "mm_projector.0.weight",
  read(config, tensors) {
    const depth = Number(config.mm_projector_type[3]);
    // Linears at 0, 2, 4, ... and activations between them; or at 0, 3, 6, ... and a norm behind each.
    const own = tensors.below("mm_projector.");
    const normed = config.mm_projector_type.endsWith("_Norm");
    const part = (i: number) => {
      const at = i * (normed ? 3 : 2);
      return normed ? [linear(own, `${at}`), layerNorm(own, `${at + 1}`)] : [linear(own, `${at}`)];
    };
    const others = Array.from({ length: depth - 1 }, (_, i) => [activation("gelu"), ...part(i + 1)]);
    const tokens: ProjectorFeatures["tokens"] = config.mm_vision_select_feature === "patch" ? "all_but_first" : "all";
    const stitched = config.image_aspect_ratio === "anyres" && config.mm_patch_merge_type === "spatial_unpad";
    return {
      inputDim: widthInto(linear(own, "0")),
      features: { layers: [config.mm_vision_select_layer], postNorm: false, tokens },
      ops: [...part(0), ...others.flat()],
      layout: layout(stitched ? { tiles: { kind: "stitched", newline: tensors.tensor("image_newline", [null]) } } : {}),
    };
  },
});
