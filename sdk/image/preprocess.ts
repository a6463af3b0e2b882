import type { ImageSize, RgbImage } from "../contract/image.ts";
import { centreSquare } from "./centre-crop.ts";
import { resize, resizeAndCrop } from "./resize/resize.ts";
import { checkRgbImage } from "./rgb-image.ts";
import { roundHalfEven } from "./round-half-even.ts";
import { nativeSize } from "./tiling/native-size.ts";
import { padToSquare } from "./tiling/pad-to-square.ts";
import type { NativePlan, SquarePlan } from "./view-plan.ts";

/** What of an `ViewPlan` decides the pixels' places. */
export type Placement =
  | (Pick<SquarePlan, "geometry" | "size" | "resizeTo" | "resample"> &
      Partial<Pick<SquarePlan, "background" | "minSide" | "centre" | "cut">>)
  | (Pick<NativePlan, "geometry" | "patchSize" | "maxPatches" | "resample"> & Partial<Pick<NativePlan, "pixels">>);

/**
 * Brings an image of any size to the pixels that a checkpoint was trained on. "native" keeps the aspect ratio, as nearly
 * as whole patches allow. The others make size x size pixels: the image, padded to a square where there is a background,
 * is resized to `resizeTo`, then the centre square. "fit" pads what it has resized. "stretch" ignores the aspect ratio.
 * "crop" brings the shortest edge to `resizeTo`, rounded as torchvision's Resize(int) and transformers' shortest_edge do and
 * as `centre_crop` of training/vqrae_training/data/images.py.
 * @param full the image's size before it was decoded to a part of it
 */
export function preprocess(image: RgbImage, placement: Placement, full: ImageSize = image): RgbImage {
  checkRgbImage(image);
  const { resample } = placement;
  if (placement.geometry === "native") {
    const { width, height } = nativeSize(full, placement);
    return resize(image, width, height, resample);
  }
  const { size, resizeTo, geometry, background = null, centre } = placement;
  if (centre !== undefined) return centreSquare(image, { size, resizeTo, resample }, centre);
  if (geometry === "fit") {
    const { width, height } = longestEdge(full, placement);
    return padToSquare(resize(image, width, height, resample), background ?? [0, 0, 0]);
  }
  const whole = background === null ? image : padToSquare(image, background);
  const shape = background === null ? full : whole;
  const resized = geometry === "stretch" ? { width: resizeTo, height: resizeTo } : shortestEdge(shape, resizeTo);
  const left = Math.floor((resized.width - size) / 2);
  const top = Math.floor((resized.height - size) / 2);
  return resizeAndCrop(whole, resized.width, resized.height, resample, { left, top, width: size, height: size });
}

/** Both edges are rounded, halves to the even number; or cut, as `int(height / longest * edge)` does. */
export function longestEdge(
  { width, height }: ImageSize,
  { size, minSide = 1, cut }: Pick<SquarePlan, "size"> & Partial<Pick<SquarePlan, "minSide" | "cut">>,
): ImageSize {
  const longest = Math.max(width, height);
  const scaled = (side: number) =>
    Math.max(cut ? Math.trunc((side / longest) * size) : roundHalfEven(side * (size / longest)), minSide);
  return { width: scaled(width), height: scaled(height) };
}

/** The long edge is truncated to an integer. Where the short edge has its length already, this is the image's own size. */
export function shortestEdge({ width, height }: ImageSize, edge: number): ImageSize {
  return width <= height
    ? { width: edge, height: Math.floor((height * edge) / width) }
    : { width: Math.floor((width * edge) / height), height: edge };
}
