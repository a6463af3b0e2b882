import { defineImageProcessor, type ImageProcessor } from "./image-processor.ts";
import { never, processorFields } from "./pixel-fields.ts";
import { type SquareDefaults, squareFields, squarePlan } from "./square-fields.ts";

/** A class that does what transformers' `TorchvisionBackend` does by itself: resize, crop from the centre, normalise. */
export const plainProcessor = (classes: readonly string[], defaults: SquareDefaults): ImageProcessor =>
  defineImageProcessor({
    classes,
    makes: "squares",
    plain: true,
    fields: processorFields({ ...squareFields(defaults), do_pad: never }),
    plan: (fields, consumer) => squarePlan(fields, defaults, consumer),
  });
