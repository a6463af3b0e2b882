import { clipImageProcessor } from "../clip/image.ts";
import { bitImageProcessor } from "../dinov2/image.ts";
import { gemma3ImageProcessor } from "../gemma3/image.ts";
import { idefics3ImageProcessor } from "../idefics3/image.ts";
import { gotOcr2ImageProcessor, internVlImageCode } from "../intern-vit/image.ts";
import { lfm2VlImageProcessor } from "../lfm2-vl/image.ts";
import {
  llavaImageCode,
  llavaImageProcessor,
  llavaNextImageProcessor,
  llavaOnevisionImageProcessor,
} from "../llava/image.ts";
import { siglipImageProcessor } from "../siglip/image.ts";
import { siglip2ImageProcessor } from "../siglip2/image.ts";
import { deitImageProcessor, vitImageProcessor } from "../vit/image.ts";
import { janusImageProcessor } from "../vqgan/image.ts";
import type { ImageProcessor, VlmImageCode } from "./image-processor.ts";

/** The image processors that a vision transformer's files may name. */
export const imageProcessors: readonly ImageProcessor[] = [
  vitImageProcessor,
  deitImageProcessor,
  clipImageProcessor,
  bitImageProcessor,
  siglipImageProcessor,
  siglip2ImageProcessor,
  llavaImageProcessor,
  llavaNextImageProcessor,
  llavaOnevisionImageProcessor,
  gotOcr2ImageProcessor,
  gemma3ImageProcessor,
  idefics3ImageProcessor,
  lfm2VlImageProcessor,
  janusImageProcessor,
];

/** VLMs whose code prepares images as fields of config.json say. */
export const vlmImageCodes: readonly VlmImageCode[] = [internVlImageCode, llavaImageCode];
