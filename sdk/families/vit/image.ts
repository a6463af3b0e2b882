import { half } from "../image/pixel-fields.ts";
import { plainProcessor } from "../image/plain-processor.ts";

/** transformers/models/vit/image_processing_vit.py */
export const vitImageProcessor = plainProcessor(["ViTImageProcessor"], {
  size: { side: 224 },
  crop: null,
  numberIsSquare: true,
  resample: "bilinear",
  mean: half,
  std: half,
});

/** transformers/models/deit/image_processing_deit.py */
export const deitImageProcessor = plainProcessor(["DeiTImageProcessor"], {
  size: { side: 256 },
  crop: 224,
  numberIsSquare: true,
  resample: "bicubic",
  mean: half,
  std: half,
});
