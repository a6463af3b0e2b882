import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, towerConfig } from "../mmproj/mmproj-keys.ts";
import { idefics3Vision } from "./family.ts";

/** llama.cpp conversion/smolvlm.py */
export const idefics3Mmproj: MmprojFamily = {
  type: "idefics3",
  tower: idefics3Vision.names,
  projector: { "mm.model.fc.weight": "connector.modality_projection.proj.weight" },
  config: (keys) => ({
    model_type: "idefics3",
    scale_factor: keys.numberOr("clip.vision.projector.scale_factor", 2),
    text_config: { hidden_size: keys.number("clip.vision.projection_dim") },
    vision_config: { model_type: "idefics3_vision", ...towerConfig(keys, "gelu_pytorch_tanh") },
  }),
  processor(keys) {
    const tile = keys.number("clip.vision.image_size");
    return {
      image_processor_type: "Idefics3ImageProcessor",
      size: { longest_edge: keys.numberOr("clip.vision.preproc_image_size", tile) },
      max_image_size: { longest_edge: tile },
      ...channelFields(keys),
    };
  },
};
