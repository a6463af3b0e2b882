import { siglip } from "../siglip/family.ts";
import type { VitArchitecture } from "../vit/architecture.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";
import { idefics3ImageProcessor } from "./image.ts";
import { positionBuckets } from "./positions.ts";

/**
 * The SigLIP inside Idefics3 and SmolVLM (transformers/models/idefics3, smolvlm). It finds each patch's trained position by
 * its place in the image. All images here fill the tile, so that the places depend on the grid alone.
 */
export const idefics3Vision: VitArchitecture = {
  ...siglip,
  // Older files say of their vision_config what the whole model is.
  modelTypes: { idefics3_vision: [], smolvlm_vision: [], idefics3: ["vision_config"], smolvlm: ["vision_config"] },
  config: visionConfig(
    {
      hidden_size: 1152,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 16,
      image_size: 224,
      patch_size: 32,
      layer_norm_eps: 1e-6,
      hidden_act: "gelu_pytorch_tanh",
      qkv_bias: true,
    },
    ownFields({}, () => ({}), {
      "They are the image processor's, whose own file counts.": ["size", "max_image_size"],
      "It says of SmolVLM's training where the tower's weights came from.": ["use_base_siglip"],
    }),
  ),
  imageProcessor: idefics3ImageProcessor,
  positionBuckets,
};
