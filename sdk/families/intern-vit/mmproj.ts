import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, square, towerConfig } from "../mmproj/mmproj-keys.ts";
import { internVlVision } from "./family.ts";

/** llama.cpp conversion/internvl.py; the norms as tools/mtmd/models/internvl.cpp chooses them. */
export const internVlMmproj: MmprojFamily = {
  type: "internvl",
  tower: { ...internVlVision.names, finalNorm: null }, // the published models have none
  projector: {
    "mm.model.mlp.0.weight": "multi_modal_projector.layer_norm.weight",
    "mm.model.mlp.0.bias": "multi_modal_projector.layer_norm.bias",
    "mm.model.mlp.1.weight": "multi_modal_projector.linear_1.weight",
    "mm.model.mlp.1.bias": "multi_modal_projector.linear_1.bias",
    "mm.model.mlp.3.weight": "multi_modal_projector.linear_2.weight",
    "mm.model.mlp.3.bias": "multi_modal_projector.linear_2.bias",
  },
  config(keys) {
    const tower = towerConfig(keys, "gelu");
    const isLargest = tower.hidden_size === 3200 && tower.num_hidden_layers === 45;
    return {
      model_type: "internvl",
      downsample_ratio: 1 / keys.numberOr("clip.vision.projector.scale_factor", 2),
      text_config: { hidden_size: keys.number("clip.vision.projection_dim") },
      vision_config: {
        model_type: "internvl_vision",
        ...tower,
        attention_bias: keys.hasTensor("v.blk.0.attn_q.bias"),
        use_qk_norm: keys.hasTensor("v.blk.0.attn_q_norm.weight"),
        norm_type: isLargest ? "rms_norm" : "layer_norm",
      },
    };
  },
  processor: (keys) => ({
    image_processor_type: "GotOcr2ImageProcessor",
    size: square(keys.number("clip.vision.image_size")),
    crop_to_patches: true,
    // Where the file says none, those of tools/mtmd/clip.cpp.
    min_patches: keys.numberOr("clip.vision.preproc_min_tiles", 1),
    max_patches: keys.numberOr("clip.vision.preproc_max_tiles", 12),
    ...channelFields(keys),
  }),
};
