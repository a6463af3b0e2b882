import { flag, positiveInteger, positiveNumber } from "../fields/config-fields.ts";
import { defineImageProcessor } from "../image/image-processor.ts";
import { patchCount, requirePatchSize } from "../image/native-fields.ts";
import { half, never, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";
import { tileCount } from "../image/tile-fields.ts";

const { do_resize: _, ...pixels } = pixelFields({ resample: "bilinear", mean: half, std: half });

/**
 * Images of their own aspect ratio; large ones are cut into tiles (transformers/models/lfm2_vl/image_processing_lfm2_vl.py).
 * The fields count in the language model's tokens, each of `downsample_factor`² patches.
 */
export const lfm2VlImageProcessor = defineImageProcessor({
  classes: ["Lfm2VlImageProcessor"],
  makes: "native",
  fields: processorFields(
    {
      ...pixels,
      encoder_patch_size: positiveInteger.default(16),
      downsample_factor: positiveInteger.default(2),
      min_image_tokens: positiveInteger.default(64),
      max_image_tokens: patchCount.default(256),
      do_image_splitting: flag.default(true),
      tile_size: positiveInteger.default(512),
      max_pixels_tolerance: positiveNumber.default(2),
      min_tiles: tileCount.default(2),
      max_tiles: tileCount.default(10),
      use_thumbnail: flag.default(true),
      do_center_crop: never,
    },
    {
      "The class resizes always.": ["do_resize"],
      "The class takes encoder_patch_size, tile_size and the numbers of tokens in their place.": [
        "size",
        "crop_size",
        "default_to_square",
        "patch_size",
        "max_num_patches",
      ],
      "It pads a batch to one number of patches, which changes no image.": ["do_pad"],
    },
  ).refine(({ do_image_splitting: split, min_tiles: min, max_tiles: max }) => !split || min <= max, {
    path: ["min_tiles"],
    error: "at most max_tiles",
  }),
  plan(fields, consumer) {
    const { encoder_patch_size: patchSize, tile_size: size, min_tiles: min, max_tiles: max } = fields;
    requirePatchSize(patchSize, "encoder_patch_size", consumer);
    const factor = patchSize * fields.downsample_factor;
    const maxPixels = fields.max_image_tokens * factor ** 2;
    const tiled = fields.do_image_splitting && max > 1;
    if (tiled && size % factor !== 0) throw consumer.refuse(`a multiple of ${factor}`, ["tile_size"]);
    return {
      geometry: "native",
      patchSize,
      maxPatches: Math.max(maxPixels, tiled ? size ** 2 : 0) / patchSize ** 2,
      pixels: { factor, minPixels: fields.min_image_tokens * factor ** 2, maxPixels },
      tiles: tiled
        ? { size, above: maxPixels * fields.max_pixels_tolerance, min, max, thumbnail: fields.use_thumbnail }
        : null,
      ...pixelsOf(fields),
    };
  },
});
