import type { MmprojFamily } from "../mmproj/mmproj-family.ts";
import { channelFields, towerConfig } from "../mmproj/mmproj-keys.ts";
import { siglip2 } from "../siglip2/family.ts";
import { vitFamily } from "../vit/vit-family.ts";

/** llama.cpp conversion/lfm2.py: the converter turns the linear over patches into a convolution. */
const convolutional = vitFamily({ ...siglip2, channelsLast: false });

export const lfm2Mmproj: MmprojFamily = {
  type: "lfm2",
  tower: siglip2.names,
  family: () => convolutional,
  projector: {
    "mm.input_norm.weight": "multi_modal_projector.layer_norm.weight",
    "mm.input_norm.bias": "multi_modal_projector.layer_norm.bias",
    "mm.1.weight": "multi_modal_projector.linear_1.weight",
    "mm.1.bias": "multi_modal_projector.linear_1.bias",
    "mm.2.weight": "multi_modal_projector.linear_2.weight",
    "mm.2.bias": "multi_modal_projector.linear_2.bias",
  },
  config(keys) {
    const [positions = 0] = keys.shape("v.position_embd.weight");
    return {
      model_type: "lfm2_vl",
      downsample_factor: keys.numberOr("clip.vision.projector.scale_factor", 2),
      projector_use_layernorm: keys.hasTensor("mm.input_norm.weight"),
      text_config: { hidden_size: keys.number("clip.vision.projection_dim") },
      vision_config: {
        model_type: "siglip2_vision_model",
        ...towerConfig(keys, "gelu_pytorch_tanh"),
        num_patches: positions,
      },
    };
  },
  // The file says nothing of tiles and of numbers of tokens: they are those of the class, as in tools/mtmd/clip.cpp.
  processor: (keys) => ({
    image_processor_type: "Lfm2VlImageProcessor",
    encoder_patch_size: keys.number("clip.vision.patch_size"),
    downsample_factor: keys.numberOr("clip.vision.projector.scale_factor", 2),
    ...channelFields(keys),
  }),
};
