import { z } from "zod";
import type { Resample } from "../../image/view-plan.ts";
import { flag, looseSection, positiveInteger, positiveNumber, rgb, rgbScale } from "../fields/config-fields.ts";

/** Pillow's numbers (`PIL.Image.Resampling`) of the filters that we have: not 0 (nearest) and 5 (hamming). */
export const resampleByNumber: Readonly<Record<1 | 2 | 3 | 4, Resample>> = {
  1: "lanczos",
  2: "bilinear",
  3: "bicubic",
  4: "box",
};

/** More tiles than any model cuts an image into (InternVL: up to 40); a larger number would exhaust memory. */
const MAX_TILES = 1024;
/** 128 x 128 patches, 2048 x 2048 pixels of patches of 16; attention grows with its square. */
const MAX_PATCHES = 16384;

const sides = { error: "a whole number > 0, { height, width }, { shortest_edge } or { longest_edge }" };
const sizes = z.union(
  [
    positiveInteger,
    z.looseObject({ height: positiveInteger, width: positiveInteger }),
    z.looseObject({ shortest_edge: positiveInteger }),
    z.looseObject({ longest_edge: positiveInteger }),
  ],
  sides,
);
export type Sizes = z.infer<typeof sizes>;

const upTo = (max: number) => positiveInteger.max(max, { error: `at most ${max}` });
export const tileCount = upTo(MAX_TILES);

const pairs = { error: "a list of pairs of whole numbers > 0" };
export const pinpoints = z.array(z.tuple([positiveInteger, positiveInteger], pairs), pairs).min(1, pairs);

const unitScale = { error: "1/255: pixels are scaled to [0, 1]" };

/** The fields of a preprocessor_config.json that count. Those of one image processor mean nothing to another. */
export const processorFields = looseSection({
  do_resize: z.literal(true, { error: "true" }),
  do_rescale: z.literal(true, { error: "true" }),
  do_normalize: flag,
  do_center_crop: flag,
  do_pad: flag,
  size: sizes,
  crop_size: sizes,
  resample: z.literal([1, 2, 3, 4], { error: "1 (lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)" }),
  rescale_factor: z.number(unitScale).refine((value) => Math.abs(value * 255 - 1) < 1e-6, unitScale),
  image_mean: rgb,
  image_std: rgbScale,
  /** Siglip2ImageProcessor */
  patch_size: positiveInteger,
  max_num_patches: upTo(MAX_PATCHES),
  /** GotOcr2ImageProcessor */
  crop_to_patches: flag,
  min_patches: tileCount,
  max_patches: tileCount,
  /** LlavaNextImageProcessor: [height, width] of each canvas. */
  image_grid_pinpoints: pinpoints,
  /** Idefics3ImageProcessor and Lfm2VlImageProcessor */
  do_image_splitting: flag,
  /** Idefics3ImageProcessor */
  max_image_size: looseSection({ longest_edge: positiveInteger }),
  /** Lfm2VlImageProcessor */
  encoder_patch_size: positiveInteger,
  downsample_factor: positiveInteger,
  min_image_tokens: positiveInteger,
  max_image_tokens: upTo(MAX_PATCHES),
  tile_size: positiveInteger,
  min_tiles: tileCount,
  max_tiles: tileCount,
  use_thumbnail: flag,
  max_pixels_tolerance: positiveNumber,
})
  .partial()
  .refine(({ min_patches: min = 1, max_patches: max = 12 }) => min <= max, {
    path: ["min_patches"],
    error: "at most max_patches",
  })
  .refine(({ min_tiles: min = 2, max_tiles: max = 10 }) => min <= max, {
    path: ["min_tiles"],
    error: "at most max_tiles",
  });

export type ProcessorFields = z.infer<typeof processorFields>;

/** Whether a canvas of width x height pixels can be cut into tiles of `tile`, and not too many of them. */
export const isCanvas = (height: number, width: number, tile: number): boolean =>
  height % tile === 0 && width % tile === 0 && (height / tile) * (width / tile) <= MAX_TILES;
