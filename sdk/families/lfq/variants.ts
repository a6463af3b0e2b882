import type { SquarePlan } from "../../image/view-plan.ts";
import type { LfqSpec, SignCodesRef } from "./spec.ts";

/** What a tokenizer with this graph has of its own. */
export interface LfqVariant {
  /** What messages call it. */
  readonly title: string;
  readonly as: SignCodesRef["as"];
  readonly zeroByte: LfqSpec["zeroByte"];
  /** Side of the pixels that it was measured on. */
  readonly imageSize: number;
  /** The same of models with another number of levels than most. */
  readonly imageSizes?: Readonly<Record<number, number>>;
  readonly image: Pick<SquarePlan, "resample" | "centre">;
  /** The licence of the published weights. */
  readonly licence: string;
  /** Tells it from the others, by the numbers of a token. */
  is(dim: number): boolean;
}

/** The tokenizers of this graph. An id holds 31 bits; BitDance's tokens have 32 and more. */
export const lfqVariants = {
  /** TencentARC/SEED-Voken, src/Open_MAGVIT2 (pixels: data/base.py) and reconstruct_image.py. */
  "open-magvit2": {
    title: "Open-MAGVIT2",
    as: "id",
    zeroByte: 127.5,
    imageSize: 256,
    imageSizes: { 4: 128 }, // imagenet_lfqgan_128_L.yaml
    image: { resample: "bilinear", centre: "pil" },
    licence: "apache-2.0",
    is: (dim) => dim < 32,
  },
  /** shallowdream204/BitDance, imagenet_gen/src/dataset.py and sample_ddp.py, modeling/vision_encoder/autoencoder.py. */
  bitdance: {
    title: "BitDance's tokenizer",
    as: "bits",
    zeroByte: 128,
    imageSize: 256,
    image: { resample: "bicubic", centre: "adm" },
    licence: "apache-2.0",
    is: (dim) => dim >= 32,
  },
} as const satisfies Record<string, LfqVariant>;

export type LfqVariantName = keyof typeof lfqVariants;

export const lfqVariantNames = Object.keys(lfqVariants).filter((name): name is LfqVariantName =>
  Object.hasOwn(lfqVariants, name),
);
