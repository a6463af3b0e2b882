import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, type MmprojKeys, square, towerConfig } from "../mmproj/mmproj-keys.ts";

const hasClassToken = (keys: MmprojKeys): boolean => keys.hasTensor("v.class_embd");

/** LLaVA 1.6 has an embedding that ends the rows of its grid of tiles. */
const isNext = (keys: MmprojKeys): boolean => keys.hasTensor("model.image_newline");

/** Yi-VL has norms behind its linears. llama.cpp calls the same type `mlp_norm` then (tools/mtmd/clip.cpp). */
const hasNorms = (keys: MmprojKeys): boolean => keys.hasTensor("mm.3.weight");

const linears = {
  "mm.0.weight": "multi_modal_projector.linear_1.weight",
  "mm.0.bias": "multi_modal_projector.linear_1.bias",
  "mm.2.weight": "multi_modal_projector.linear_2.weight",
  "mm.2.bias": "multi_modal_projector.linear_2.bias",
  "model.image_newline": "image_newline",
};
const linearsAndNorms = Object.fromEntries(
  [0, 1, 3, 4].flatMap((i) => ["weight", "bias"].map((part) => [`mm.${i}.${part}`, `mm_projector.${i}.${part}`])),
);

/**
 * LLaVA 1.5 and 1.6, and Yi-VL (llama.cpp tools/mtmd/legacy-models/convert_image_encoder_to_gguf.py, whose names of the MLP's linears are
 * changed over). Its tower is CLIP's or SigLIP's, or another, without the blocks behind the last one that is read.
 */
export const llavaMmproj: MmprojFamily = {
  type: "mlp",
  tower: null,
  projector: (keys) => (hasNorms(keys) ? linearsAndNorms : linears),
  config(keys) {
    // The converter notes "gelu" alone. A tower without class token is a SigLIP, which has no other activation than this one.
    const activation = hasClassToken(keys) ? {} : { hidden_act: "gelu_pytorch_tanh" };
    const vision = { ...towerConfig(keys, "gelu"), ...activation };
    // Without the key it is the last block of the file: llama.cpp itself stops one before it there (models/llava.cpp).
    const layers = keys.numbersOr("clip.vision.feature_layer", [keys.number("clip.vision.block_count")]);
    if (hasNorms(keys)) {
      return {
        mm_projector_type: "mlp2x_gelu_Norm",
        mm_vision_select_layer: layers.at(-1),
        mm_vision_select_feature: hasClassToken(keys) ? "patch" : "cls_patch",
        vision_config: vision,
      };
    }
    return {
      model_type: isNext(keys) ? "llava_next" : "llava",
      vision_feature_layer: layers,
      vision_feature_select_strategy: hasClassToken(keys) ? "default" : "full",
      multimodal_projector_bias: keys.hasTensor("mm.0.bias"),
      vision_config: vision,
    };
  },
  processor(keys) {
    const side = keys.number("clip.vision.image_size");
    const common = { size: { shortest_edge: side }, crop_size: square(side), ...channelFields(keys) };
    if (!isNext(keys)) {
      // LLaVA 1.5 was trained on images padded to a square, and llama.cpp pads them too.
      const pads = keys.text("clip.vision.image_aspect_ratio") !== "square";
      return { image_processor_type: "LlavaImageProcessor", do_pad: pads, ...common };
    }
    const sides = keys.numbersOr("clip.vision.image_grid_pinpoints", null);
    const canvases = sides?.flatMap((height, i) => (i % 2 === 0 ? [[height, sides[i + 1]]] : []));
    const pinpoints = canvases && { image_grid_pinpoints: canvases };
    return { image_processor_type: "LlavaNextImageProcessor", ...pinpoints, ...common };
  },
  // llama.cpp applies a final norm wherever the file has one.
  undo: (projector, keys) =>
    keys.hasTensor("v.post_ln.weight")
      ? { ...projector, features: { ...projector.features, postNorm: true } }
      : projector,
};
