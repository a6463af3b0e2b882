import { positiveInteger } from "../fields/config-fields.ts";
import { siglip } from "../siglip/family.ts";
import type { VitArchitecture } from "../vit/architecture.ts";
import { ownFields, visionConfig } from "../vit/vision-config.ts";
import { siglip2ImageProcessor } from "./image.ts";

const squareNumber = positiveInteger
  .refine((count) => Number.isInteger(Math.sqrt(count)), { error: "a square number" })
  .default(256);

/**
 * SigLIP2 NaFlex (transformers/models/siglip2): SigLIP's blocks over images that keep their aspect ratio. Patches go
 * through a linear, and the positions of a square grid of `num_patches` are resized to each image's own. SigLIP2 of a
 * fixed resolution is saved as `siglip`.
 */
export const siglip2: VitArchitecture = {
  modelTypes: { siglip2_vision_model: [], siglip2: ["vision_config"] },
  config: visionConfig(
    {
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      image_size: 256, // unused: num_patches says it
      patch_size: 16,
      layer_norm_eps: 1e-6,
      hidden_act: "gelu_pytorch_tanh",
      qkv_bias: true,
    },
    ownFields({ num_patches: squareNumber }, (own, { patchSize }) => ({
      imageSize: Math.sqrt(own.num_patches) * patchSize,
    })),
  ),
  imageProcessor: siglip2ImageProcessor,
  names: siglip.names,
  channelsLast: true,
  grids: { kind: "native" },
  refuses: [],
};
