import * as z from "zod";
import { positiveInteger } from "../fields/config-fields.ts";
import { defineImageProcessor } from "../image/image-processor.ts";
import { never, openai, processorFields } from "../image/pixel-fields.ts";
import { backgroundOf, type SquareDefaults, squareFields, squarePlan } from "../image/square-fields.ts";

const defaults: SquareDefaults = {
  size: { side: 384 },
  crop: null,
  numberIsSquare: true,
  resample: "bicubic",
  ...openai,
};

const { do_center_crop: _, ...fields } = squareFields(defaults);

/**
 * Janus' own image processor: the longer side to `size`, the rest filled with the mean colour
 * (transformers/models/janus/image_processing_janus.py).
 */
export const janusImageProcessor = defineImageProcessor({
  classes: ["JanusImageProcessor"],
  makes: "squares",
  fields: processorFields(
    {
      ...fields,
      min_size: positiveInteger.default(14),
      do_pad: z.literal(true, { error: "true" }).default(true),
      do_center_crop: never,
    },
    {
      "The class computes it from image_mean.": ["background_color"],
      "They count tokens of the prompt.": ["num_image_tokens"],
    },
  ),
  plan: (fields, consumer) => ({
    ...squarePlan({ ...fields, do_center_crop: false }, defaults, consumer),
    geometry: "fit",
    minSide: fields.min_size,
    background: backgroundOf(fields, consumer),
  }),
});
