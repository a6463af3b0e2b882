import type { ImageSpec } from "../checkpoint/checkpoint.ts";
import type { RgbImage } from "../vision-tokenizer.ts";
import { resizeAndCrop } from "./resize.ts";
import { checkRgbImage } from "./rgb-image.ts";

/**
 * Brings an image of any size to the size x size pixels that a checkpoint was trained on: resized to `resizeTo`, then
 * the centre square. "stretch" ignores the aspect ratio. "crop" brings the shortest edge to `resizeTo`, rounded as
 * torchvision's Resize(int) and transformers' shortest_edge do and as `centre_crop` of
 * training/vqrae_training/data/images.py.
 */
export function preprocess(
  image: RgbImage,
  { size, resizeTo, resample, geometry }: Pick<ImageSpec, "size" | "resizeTo" | "resample" | "geometry">,
): RgbImage {
  checkRgbImage(image);
  const resized = geometry === "stretch" ? { width: resizeTo, height: resizeTo } : shortestEdge(image, resizeTo);
  const left = Math.floor((resized.width - size) / 2);
  const top = Math.floor((resized.height - size) / 2);
  return resizeAndCrop(image, resized.width, resized.height, resample, { left, top, width: size, height: size });
}

/** The long edge is truncated to an integer. Where the short edge has its length already, this is the image's own size. */
function shortestEdge({ width, height }: RgbImage, edge: number): { width: number; height: number } {
  return width <= height
    ? { width: edge, height: Math.floor((height * edge) / width) }
    : { width: Math.floor((width * edge) / height), height: edge };
}
