import { flag, looseSection, positiveInteger } from "../fields/config-fields.ts";
import { defineImageProcessor, defineVlmImageCode } from "../image/image-processor.ts";
import { never, openai, processorFields } from "../image/pixel-fields.ts";
import { type SquareDefaults, squareFields, squarePlan } from "../image/square-fields.ts";
import { tileCount } from "../image/tile-fields.ts";

const defaults: SquareDefaults = {
  size: { side: 384 },
  crop: null,
  numberIsSquare: true,
  resample: "bicubic",
  ...openai,
};

/** The processor of transformers' InternVL (transformers/models/got_ocr2/image_processing_got_ocr2.py). */
export const gotOcr2ImageProcessor = defineImageProcessor({
  classes: ["GotOcr2ImageProcessor"],
  makes: "squares",
  setBy: { InternVLProcessor: { crop_to_patches: true }, AyaVisionProcessor: { crop_to_patches: true } },
  fields: processorFields({
    ...squareFields(defaults),
    do_center_crop: never,
    do_pad: never,
    crop_to_patches: flag.default(false),
    min_patches: tileCount.default(1),
    max_patches: tileCount.default(12),
  }).refine(({ min_patches: min, max_patches: max }) => min <= max, {
    path: ["min_patches"],
    error: "at most max_patches",
  }),
  plan(fields, consumer) {
    const { crop_to_patches: tiles, min_patches: min, max_patches: max } = fields;
    const square = squarePlan({ ...fields, do_center_crop: false }, defaults, consumer);
    return tiles && max > 1 ? { ...square, tiling: { kind: "dynamic", min, max, thumbnail: true } } : square;
  },
});

/**
 * OpenGVLab's InternVL: its code does not read preprocessor_config.json (internvl/train/dataset.py `build_transform`,
 * `dynamic_preprocess`).
 */
export const internVlImageCode = defineVlmImageCode({
  marker: "dynamic_image_size",
  config: looseSection({
    force_image_size: positiveInteger.nullish(),
    dynamic_image_size: flag,
    min_dynamic_patch: tileCount.default(1),
    max_dynamic_patch: tileCount.default(6),
    use_thumbnail: flag.default(false),
  }).refine((c) => c.min_dynamic_patch <= c.max_dynamic_patch, {
    path: ["min_dynamic_patch"],
    error: "at most max_dynamic_patch",
  }),
  fields({ force_image_size }, { imageSize }) {
    const side = force_image_size ?? imageSize;
    return {
      defaults: { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] },
      overrides: { ...(side && { size: { height: side, width: side } }), do_center_crop: false, resample: 3 },
    };
  },
  plan({ dynamic_image_size, min_dynamic_patch: min, max_dynamic_patch: max, use_thumbnail }, { square }) {
    return dynamic_image_size ? { ...square, tiling: { kind: "dynamic", min, max, thumbnail: use_thumbnail } } : square;
  },
});
