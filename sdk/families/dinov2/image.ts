import { clipImages } from "../clip/image.ts";
import { plainProcessor } from "../image/plain-processor.ts";

/** The processor that DINOv2's files name (transformers/models/bit/image_processing_bit.py). */
export const bitImageProcessor = plainProcessor(["BitImageProcessor"], clipImages);
