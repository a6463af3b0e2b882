import { positiveInteger, section } from "../fields/config-fields.ts";
import { defineImageProcessor, type ImageProcessor } from "../image/image-processor.ts";
import { requirePatchSize } from "../image/native-fields.ts";
import { never, openai, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";

/** Frames of a still image, whose pixels the class counts too. */
const FRAMES = 2;

/**
 * GLM-4V's image processor (transformers/models/glm4v/image_processing_glm4v.py): Qwen2-VL's, but that its limits are those of
 * an image twice over, and that a side shorter than a cell of patches is enlarged to one.
 */
export const glm4vImageProcessor = (merge: number): ImageProcessor =>
  defineImageProcessor({
    classes: ["Glm4vImageProcessor", "Glm46VImageProcessor"],
    makes: "native",
    fields: processorFields(
      {
        ...pixelFields({ resample: "bicubic", ...openai }),
        size: section({ shortest_edge: positiveInteger, longest_edge: positiveInteger }).default({
          shortest_edge: 112 * 112,
          longest_edge: 28 * 28 * 15_000,
        }),
        patch_size: positiveInteger.default(14),
        merge_size: positiveInteger.default(2),
        temporal_patch_size: positiveInteger.default(FRAMES),
        do_center_crop: never,
        do_pad: never,
      },
      { "Nothing is cropped, and size is never a bare number.": ["crop_size", "default_to_square"] },
    ),
    plan(fields, consumer) {
      const { patch_size: patchSize, merge_size: asked, temporal_patch_size: frames, size } = fields;
      requirePatchSize(patchSize, "patch_size", consumer);
      if (asked !== merge) throw consumer.refuse(`${merge}, the encoder's spatial_merge_size,`, ["merge_size"]);
      const factor = patchSize * merge;
      const [minPixels, maxPixels] = [size.shortest_edge / frames, size.longest_edge / frames];
      if (minPixels > maxPixels) throw consumer.refuse("at most longest_edge", ["size", "shortest_edge"]);
      return {
        geometry: "native",
        patchSize,
        maxPatches: Math.ceil(Math.max(maxPixels, factor * factor) / patchSize ** 2),
        pixels: { factor, minPixels, maxPixels, enlarges: true },
        tiles: null,
        ...pixelsOf(fields),
      };
    },
  });
