import { openai } from "../image/pixel-fields.ts";
import { plainProcessor } from "../image/plain-processor.ts";
import type { SquareDefaults } from "../image/square-fields.ts";

/** CLIP's own preprocessing, which DINOv2 and LLaVA took over. */
export const clipImages: SquareDefaults = {
  size: { shortestEdge: 224 },
  crop: 224,
  numberIsSquare: false,
  resample: "bicubic",
  ...openai,
};

/** transformers/models/clip/image_processing_clip.py */
export const clipImageProcessor = plainProcessor(["CLIPImageProcessor"], clipImages);
