import { flag, positiveInteger, positiveNumber } from "../fields/config-fields.ts";
import { defineImageProcessor } from "../image/image-processor.ts";
import { half, never, processorFields } from "../image/pixel-fields.ts";
import { type SquareDefaults, squareFields, squarePlan } from "../image/square-fields.ts";
import { tileCount } from "../image/tile-fields.ts";

const defaults: SquareDefaults = {
  size: { side: 224 },
  crop: null,
  numberIsSquare: true,
  resample: "bilinear",
  mean: half,
  std: half,
};

const { do_center_crop: _, ...fields } = squareFields(defaults);

/**
 * transformers/models/gemma3/image_processing_gemma3.py; where a file turns pan and scan on and leaves the rest out, the
 * values of processing_gemma3.py. In transformers a prompt's own `do_pan_and_scan` comes before the file, false unless it says
 * otherwise; here the file's counts.
 */
export const gemma3ImageProcessor = defineImageProcessor({
  classes: ["Gemma3ImageProcessor"],
  makes: "squares",
  fields: processorFields({
    ...fields,
    do_center_crop: never,
    do_pad: never,
    do_pan_and_scan: flag.default(false),
    pan_and_scan_min_crop_size: positiveInteger.default(256),
    pan_and_scan_max_num_crops: tileCount.default(4),
    pan_and_scan_min_ratio_to_activate: positiveNumber.default(1.2),
  }),
  plan(fields, consumer) {
    const square = squarePlan({ ...fields, do_center_crop: false }, defaults, consumer);
    if (!fields.do_pan_and_scan) return square;
    return {
      ...square,
      tiling: {
        kind: "pan_and_scan",
        minCrop: fields.pan_and_scan_min_crop_size,
        max: fields.pan_and_scan_max_num_crops,
        minRatio: fields.pan_and_scan_min_ratio_to_activate,
      },
    };
  },
});
