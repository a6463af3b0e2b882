import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, square, towerConfig } from "../mmproj/mmproj-keys.ts";
import { siglip } from "../siglip/family.ts";

/** llama.cpp conversion/gemma.py `Gemma3VisionModel` */
export const gemma3Mmproj: MmprojFamily = {
  type: "gemma3",
  tower: siglip.names,
  projector: {
    "mm.input_projection.weight": "multi_modal_projector.mm_input_projection_weight",
    "mm.soft_emb_norm.weight": "multi_modal_projector.mm_soft_emb_norm.weight",
  },
  config(keys) {
    const side = Math.floor(keys.number("clip.vision.image_size") / keys.number("clip.vision.patch_size"));
    return {
      model_type: "gemma3",
      mm_tokens_per_image: (side / keys.numberOr("clip.vision.projector.scale_factor", 4)) ** 2,
      text_config: { hidden_size: keys.number("clip.vision.projection_dim") },
      vision_config: { model_type: "siglip_vision_model", ...towerConfig(keys, "gelu_pytorch_tanh") },
    };
  },
  processor: (keys) => ({
    image_processor_type: "Gemma3ImageProcessor",
    size: square(keys.number("clip.vision.image_size")),
    ...channelFields(keys),
  }),
  // The converter adds 1 to the weight, which the model itself adds as it computes.
  undo: (projector) => ({
    ...projector,
    ops: projector.ops.map((op) => (op.op === "rms_norm" ? { ...op, offset: 0 } : op)),
  }),
};
