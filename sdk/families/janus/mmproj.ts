import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, towerConfig } from "../mmproj/mmproj-keys.ts";

/** Janus-Pro's understanding of images (llama.cpp conversion/januspro.py). */
export const janusMmproj: MmprojFamily = {
  type: "janus_pro",
  tower: null,
  projector: {
    "mm.0.weight": "aligner.fc1.weight",
    "mm.0.bias": "aligner.fc1.bias",
    "mm.1.weight": "aligner.hidden_layers.0.weight",
    "mm.1.bias": "aligner.hidden_layers.0.bias",
  },
  config: (keys) => ({
    model_type: "janus",
    text_config: { hidden_size: keys.number("clip.vision.projection_dim") },
    vision_config: towerConfig(keys, "gelu"),
  }),
  processor: (keys) => ({
    image_processor_type: "JanusImageProcessor",
    size: keys.number("clip.vision.image_size"),
    ...channelFields(keys),
  }),
};
