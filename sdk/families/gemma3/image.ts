import { defineImageProcessor } from "../image/image-processor.ts";
import { half, never, processorFields } from "../image/pixel-fields.ts";
import { type SquareDefaults, squareFields, squarePlan } from "../image/square-fields.ts";

const defaults: SquareDefaults = {
  size: { side: 224 },
  crop: null,
  numberIsSquare: true,
  resample: "bilinear",
  mean: half,
  std: half,
};

const { do_center_crop: _, ...fields } = squareFields(defaults);

/** transformers/models/gemma3/image_processing_gemma3.py */
export const gemma3ImageProcessor = defineImageProcessor({
  classes: ["Gemma3ImageProcessor"],
  makes: "squares",
  fields: processorFields({ ...fields, do_center_crop: never, do_pad: never }),
  plan: (fields, consumer) => squarePlan({ ...fields, do_center_crop: false }, defaults, consumer),
});
