import { positiveInteger, section } from "../fields/config-fields.ts";
import { defineImageProcessor, type ImageProcessor } from "../image/image-processor.ts";
import { requirePatchSize } from "../image/native-fields.ts";
import { never, openai, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";

const pixels = positiveInteger.nullish();

/**
 * Qwen-VL's own image processor (transformers/models/qwen2_vl/image_processing_qwen2_vl.py): an image's aspect ratio, as
 * nearly as cells of `merge` x `merge` patches allow, within a range of pixels.
 */
export const qwen2VlImageProcessor = (merge: number): ImageProcessor =>
  defineImageProcessor({
    classes: ["Qwen2VLImageProcessor"],
    makes: "native",
    fields: processorFields(
      {
        ...pixelFields({ resample: "bicubic", ...openai }),
        /** Pixels of the whole image, whatever the names say. */
        size: section({
          shortest_edge: pixels,
          longest_edge: pixels,
          min_pixels: pixels,
          max_pixels: pixels,
        }).optional(),
        min_pixels: positiveInteger.optional(),
        max_pixels: positiveInteger.optional(),
        patch_size: positiveInteger.default(14),
        merge_size: positiveInteger.default(2),
        do_center_crop: never,
        do_pad: never,
      },
      {
        "It says how often an image is repeated, as a video that stands still.": ["temporal_patch_size"],
        "Nothing is cropped, and size is never a bare number.": ["crop_size", "default_to_square"],
      },
    ),
    plan(fields, consumer) {
      const { patch_size: patchSize, merge_size: asked, size = {} } = fields;
      requirePatchSize(patchSize, "patch_size", consumer);
      if (asked !== merge) throw consumer.refuse(`${merge}, the encoder's spatial_merge_size,`, ["merge_size"]);
      const factor = patchSize * merge;
      const minPixels = fields.min_pixels ?? size.min_pixels ?? size.shortest_edge ?? 56 * 56;
      const maxPixels = fields.max_pixels ?? size.max_pixels ?? size.longest_edge ?? 28 * 28 * 1280;
      if (minPixels > maxPixels) throw consumer.refuse("at most max_pixels", ["min_pixels"]);
      return {
        geometry: "native",
        patchSize,
        maxPatches: Math.ceil(Math.max(maxPixels, factor * factor) / patchSize ** 2),
        pixels: { factor, minPixels, maxPixels, leastSide: 0 },
        tiles: null,
        ...pixelsOf(fields),
      };
    },
  });
