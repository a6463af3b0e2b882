import * as z from "zod";
import { positiveInteger } from "../fields/config-fields.ts";

/** `config.json` of an RAE: what its own yaml and its decoder's config say and no tensor does. */
export const raeConfig = z.strictObject({
  model_type: z.literal("rae"),
  /** Side of the pixels that the encoder is given. Default: 224 for DINOv2 and 256 for others, as the published ones have it. */
  encoder_input_size: positiveInteger.optional(),
  /** Side of the square that is cut out of an image. */
  image_size: positiveInteger.default(256),
  /** Pixels of one token's square, as they come back. */
  decoder_patch_size: positiveInteger.default(16),
  /** Default: those of the decoders ViT-B, ViT-L and ViT-XL, by their width. */
  decoder_num_attention_heads: positiveInteger.optional(),
});

export type RaeConfig = z.infer<typeof raeConfig>;
