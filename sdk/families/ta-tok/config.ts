import * as z from "zod";
import { flag, oneOf, positiveInteger } from "../fields/config-fields.ts";

/** `config.json` of a TA-Tok: what its checkpoint's arguments say and no tensor does. The defaults are those of ta_tok.pth. */
export const taTokConfig = z
  .strictObject({
    model_type: z.literal("ta_tok"),
    /** Side of the pixels that the encoder is given. */
    image_size: positiveInteger.default(384),
    patch_size: positiveInteger.default(14),
    num_attention_heads: positiveInteger.default(16),
    /** Of the transformer between ids and features; the default is that of Siglip2VisionConfig. */
    decoder_num_attention_heads: positiveInteger.default(12),
    /** Side, in patches, of the square whose mean is one token. */
    pool_scale: z.union([z.literal(1), z.literal(2), z.literal(3)], { error: "1, 2 or 3" }).default(1),
    /** Whether codes and vectors are compared at unit length. */
    l2_normalized: flag.default(true),
    /** "bicubic" as its training and evaluation prepare images, "bilinear" as its inference scripts do. */
    resample: oneOf("bicubic", "bilinear").default("bicubic"),
  })
  .refine((c) => c.patch_size * c.pool_scale <= c.image_size, {
    path: ["image_size"],
    error: "at least patch_size * pool_scale",
  });

export type TaTokConfig = z.infer<typeof taTokConfig>;
