import type { VitArchitecture } from "../vit/architecture.ts";
import { vit } from "../vit/family.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";

/** ViT-MAE (transformers/models/vit_mae) with no patch masked, at any size: the encoder of one published RAE. */
export const vitMae: VitArchitecture = {
  ...vit,
  modelTypes: { vit_mae: [] },
  config: visionConfig(
    {
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      image_size: 224,
      patch_size: 16,
      layer_norm_eps: 1e-12,
      hidden_act: "gelu",
      qkv_bias: true,
    },
    ownFields({}, () => ({}), {
      "They are of its own decoder and of training.": [
        "decoder_num_attention_heads",
        "decoder_hidden_size",
        "decoder_num_hidden_layers",
        "decoder_intermediate_size",
        "mask_ratio",
        "norm_pix_loss",
      ],
    }),
  ),
  grids: { kind: "square", antialias: false },
  classifies: false,
};
