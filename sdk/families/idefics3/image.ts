import * as z from "zod";
import { flag, positiveInteger, section } from "../fields/config-fields.ts";
import { defineImageProcessor } from "../image/image-processor.ts";
import { half, never, pixelFields, pixelsOf, processorFields } from "../image/pixel-fields.ts";
import { requireTrained } from "../image/square-fields.ts";

/** The class reads the longer edge alone. */
const size = z.union(
  [
    z.strictObject({ longest_edge: positiveInteger }),
    z.strictObject({ longest_edge: positiveInteger, shortest_edge: positiveInteger }),
  ],
  { error: "{ longest_edge }" },
);
/** Side of a tile, unless a file says another. */
const TILE = 364;

/**
 * The image's longer side is brought to `size`, its tiles are as large as `max_image_size`
 * (transformers/models/idefics3/image_processing_idefics3.py, and the same code in models/smolvlm).
 */
export const idefics3ImageProcessor = defineImageProcessor({
  classes: ["Idefics3ImageProcessor", "SmolVLMImageProcessor"],
  makes: "squares",
  fields: processorFields(
    {
      ...pixelFields({ resample: "lanczos", mean: half, std: half }),
      size: size.optional(),
      max_image_size: section({ longest_edge: positiveInteger }).optional(),
      do_image_splitting: flag.default(true),
      do_center_crop: never,
    },
    {
      "It pads a batch to one number of tiles, which changes no image.": ["do_pad"],
      "Nothing is cropped, and size is never a bare number.": ["crop_size", "default_to_square"],
    },
  ),
  plan(fields, consumer) {
    const tile = fields.max_image_size?.longest_edge ?? consumer.sizeOr(TILE);
    requireTrained(tile, "max_image_size", consumer);
    return {
      geometry: "stretch",
      size: tile,
      resizeTo: tile,
      background: null,
      tiling: {
        kind: "split",
        longestEdge: fields.size?.longest_edge ?? 4 * consumer.sizeOr(TILE),
        split: fields.do_image_splitting,
      },
      ...pixelsOf(fields),
    };
  },
});
