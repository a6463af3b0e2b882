import { half } from "../image/pixel-fields.ts";
import { plainProcessor } from "../image/plain-processor.ts";

/** transformers/models/siglip/image_processing_siglip.py */
export const siglipImageProcessor = plainProcessor(["SiglipImageProcessor"], {
  size: { side: 224 },
  crop: null,
  numberIsSquare: false,
  resample: "bicubic",
  mean: half,
  std: half,
});
