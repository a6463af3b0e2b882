import { positiveInteger } from "../fields/config-fields.ts";
import { defineImageProcessor } from "../image/image-processor.ts";
import { patchCount, requirePatchSize } from "../image/native-fields.ts";
import { half, never, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";

/** NaFlex: as many patches as `max_num_patches` allows (transformers/models/siglip2/image_processing_siglip2.py). */
export const siglip2ImageProcessor = defineImageProcessor({
  classes: ["Siglip2ImageProcessor"],
  makes: "native",
  fields: processorFields(
    {
      ...pixelFields({ resample: "bilinear", mean: half, std: half }),
      patch_size: positiveInteger.default(16),
      max_num_patches: patchCount.default(256),
      do_center_crop: never,
      do_pad: never,
    },
    { "max_num_patches says the size.": ["size", "crop_size", "default_to_square"] },
  ),
  plan(fields, consumer) {
    const { patch_size: patchSize, max_num_patches: maxPatches } = fields;
    requirePatchSize(patchSize, "patch_size", consumer);
    return { geometry: "native", patchSize, maxPatches, pixels: null, tiles: null, ...pixelsOf(fields) };
  },
});
