import { looseSection, positiveInteger, section } from "../fields/config-fields.ts";
import { defineImageProcessor, type ImageProcessor } from "../image/image-processor.ts";
import { requirePatchSize } from "../image/native-fields.ts";
import { never, openai, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";

const sides = looseSection({ height: positiveInteger, width: positiveInteger }).refine(
  ({ height, width }) => height === width,
  { error: "a square" },
);

/**
 * Pixtral's image processor (transformers/models/pixtral/image_processing_pixtral.py): an image's own size, no longer than
 * `longest_edge`, stretched to whole cells of `merge` x `merge` patches.
 */
export const pixtralImageProcessor = (merge: number): ImageProcessor =>
  defineImageProcessor({
    classes: ["PixtralImageProcessor"],
    makes: "native",
    fields: processorFields(
      {
        ...pixelFields({ resample: "bicubic", ...openai }),
        size: section({ longest_edge: positiveInteger }).default({ longest_edge: 1024 }),
        patch_size: positiveInteger.or(sides.transform(({ height }) => height)).default(16),
        do_center_crop: never,
      },
      {
        "Images of a batch are padded to one size, which changes no image.": ["do_pad"],
        "Nothing is cropped, and size is never a bare number.": ["crop_size", "default_to_square"],
      },
    ),
    plan(fields, consumer) {
      const { patch_size: patchSize, size } = fields;
      requirePatchSize(patchSize, "patch_size", consumer);
      const factor = patchSize * merge;
      const most = Math.ceil(size.longest_edge / factor) * merge;
      return {
        geometry: "native",
        patchSize,
        maxPatches: most ** 2,
        pixels: { factor, longestEdge: size.longest_edge },
        tiles: null,
        ...pixelsOf(fields),
      };
    },
  });
