import { expectedBut } from "../../errors.ts";
import { roundHalfEven } from "../round-half-even.ts";
import type { LongestEdge, NativePlan, PixelRange } from "../view-plan.ts";
import { wholeNumber } from "./whole-number.ts";

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The size that SigLIP2 NaFlex brings an image to: its aspect ratio, both sides multiples of `patchSize`, and as many
 * patches as `maxPatches` allows (transformers' `get_image_size_for_max_num_patches`).
 *
 * @throws INVALID_ARGUMENT
 */
export function naflexSize({ width, height }: Size, patchSize: number, maxPatches: number): Size {
  for (const [name, value] of Object.entries({ width, height, patchSize, maxPatches })) wholeNumber(value, name);
  const epsilon = 1e-5;
  const scaled = (scale: number, side: number) =>
    Math.max(patchSize, Math.ceil((side * scale) / patchSize) * patchSize);
  let [low, high] = [epsilon / 10, 100];
  while (high - low >= epsilon) {
    const scale = (low + high) / 2;
    const patches = (scaled(scale, height) / patchSize) * (scaled(scale, width) / patchSize);
    if (patches <= maxPatches) low = scale;
    else high = scale;
  }
  return { width: scaled(low, width), height: scaled(low, height) };
}

export interface SmartResizeOptions {
  /** Both sides become multiples of it (Qwen2.5-VL: 28). */
  readonly factor?: number;
  readonly minPixels?: number;
  readonly maxPixels?: number;
}

/** Past this ratio of its sides Qwen-VL refuses an image. */
const MAX_ASPECT = 200;

/**
 * The size that Qwen2-VL and Qwen2.5-VL bring an image to (QwenLM qwen-vl-utils `smart_resize`).
 *
 * @throws INVALID_ARGUMENT, also for sides whose ratio is above 200
 */
export function smartResize(
  { width, height }: Size,
  { factor = 28, minPixels = 56 * 56, maxPixels = 14 * 14 * 4 * 1280 }: SmartResizeOptions = {},
): Size {
  for (const [name, value] of Object.entries({ width, height, factor, minPixels, maxPixels })) wholeNumber(value, name);
  if (Math.max(width, height) / Math.min(width, height) > MAX_ASPECT) {
    const received = `${width} x ${height}`;
    throw expectedBut("INVALID_ARGUMENT", `sides of a ratio up to ${MAX_ASPECT}`, "smartResize", received);
  }
  const size = { width: multiple(width, factor, 0), height: multiple(height, factor, 0) };
  return withinPixels(size, { width, height }, { factor, minPixels, maxPixels });
}

/** `rounded`, or where that has too many or too few pixels multiples of `factor` in the proportions of `size`. */
function withinPixels(rounded: Size, { width, height }: Size, { factor, minPixels, maxPixels }: PixelRange): Size {
  const pixels = rounded.width * rounded.height;
  if (pixels > maxPixels) {
    const beta = Math.sqrt((height * width) / maxPixels);
    const fitted = (side: number) => Math.max(factor, Math.floor(side / beta / factor) * factor);
    return { width: fitted(width), height: fitted(height) };
  }
  if (pixels < minPixels) {
    const beta = Math.sqrt(minPixels / (height * width));
    const fitted = (side: number) => Math.ceil((side * beta) / factor) * factor;
    return { width: fitted(width), height: fitted(height) };
  }
  return rounded;
}

/**
 * The size that an image of its own aspect ratio is brought to.
 * @throws INVALID_IMAGE for a strip that has more patches than that allows, which transformers fails on too
 */
export function nativeSize(
  image: Size,
  {
    patchSize,
    maxPatches,
    pixels = null,
  }: Pick<NativePlan, "patchSize" | "maxPatches"> & { pixels?: NativePlan["pixels"] },
): Size {
  if (pixels === null) return naflexSize(image, patchSize, maxPatches);
  const size = "longestEdge" in pixels ? edgeSize(image, pixels) : rangeSize(image, pixels);
  const pixelCount = size.width * size.height; // 0 for a side that shrinks to nothing
  if (pixelCount > 0 && pixelCount <= maxPatches * patchSize ** 2) return size;
  const received = `${image.width} x ${image.height} pixels`;
  throw expectedBut("INVALID_IMAGE", `sides of which ${maxPatches} patches keep the ratio`, "an image", received);
}

/** The size that LFM2-VL, Qwen-VL and GLM-4V bring an image to (transformers' `smart_resize` of their image processors). */
export function rangeSize(image: Size, range: PixelRange): Size {
  const { factor, leastSide = factor, enlarges = false } = range;
  const scale = enlarges ? Math.max(1, factor / image.height, factor / image.width) : 1;
  const [width, height] = [Math.trunc(image.width * scale), Math.trunc(image.height * scale)];
  const size = { width: multiple(width, factor, leastSide), height: multiple(height, factor, leastSide) };
  return withinPixels(size, { width, height }, range);
}

/** The size that Pixtral brings an image to (transformers' PixtralImageProcessor `get_resize_output_image_size`). */
function edgeSize({ width, height }: Size, { factor, longestEdge }: LongestEdge): Size {
  const ratio = Math.max(height / longestEdge, width / longestEdge);
  const cells = (side: number) => Math.ceil((ratio > 1 ? Math.floor(side / ratio) : side) / factor) * factor;
  return { width: cells(width), height: cells(height) };
}

/** Whether LFM2-VL cuts an image into tiles: it would have more than `above` pixels (`_is_image_too_large`). */
export const exceeds = ({ width, height }: Size, above: number, factor: number, patchSize: number): boolean =>
  multiple(width, factor, patchSize) * multiple(height, factor, patchSize) > above;

/** The multiple of `factor` nearest to `side`, at least `least`. */
const multiple = (side: number, factor: number, least: number): number =>
  Math.max(least, roundHalfEven(side / factor) * factor);
