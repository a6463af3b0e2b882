import type { ImageSpec } from "../checkpoint/checkpoint.ts";
import type { RgbImage } from "../vision-tokenizer.ts";
import { resize, resizeAndCrop } from "./resize.ts";
import { checkRgbImage } from "./rgb-image.ts";

/**
 * Brings an image of any size to the size x size pixels that a checkpoint was trained on. "stretch" ignores the
 * aspect ratio. "crop" brings the shortest edge to size and keeps the centre square, rounded as torchvision's
 * Resize(int) and transformers' shortest_edge do and as `centre_crop` of training/vqrae_training/images.py.
 */
export function preprocess(image: RgbImage, spec: Pick<ImageSpec, "size" | "resample" | "geometry">): RgbImage {
  const { size, resample } = spec;
  if (spec.geometry === "stretch") return resize(image, size, size, resample);
  checkRgbImage(image);
  const { width, height } = image;
  // The long edge is truncated to an integer. Where the short edge has its size already, this is the image's own size.
  const resized =
    width <= height
      ? { width: size, height: Math.floor((height * size) / width) }
      : { width: Math.floor((width * size) / height), height: size };
  const left = Math.floor((resized.width - size) / 2);
  const top = Math.floor((resized.height - size) / 2);
  return resizeAndCrop(image, resized.width, resized.height, resample, { left, top, width: size, height: size });
}
