import { expected, words } from "../../errors.ts";
import { wholeNumber } from "./arguments.ts";

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
    const received = words(`${width} x ${height}`);
    throw expected("INVALID_ARGUMENT", `sides of a ratio up to ${MAX_ASPECT}`, "smartResize", received);
  }
  let h = roundHalfEven(height / factor) * factor;
  let w = roundHalfEven(width / factor) * factor;
  if (h * w > maxPixels) {
    const beta = Math.sqrt((height * width) / maxPixels);
    h = Math.max(factor, Math.floor(height / beta / factor) * factor);
    w = Math.max(factor, Math.floor(width / beta / factor) * factor);
  } else if (h * w < minPixels) {
    const beta = Math.sqrt(minPixels / (height * width));
    h = Math.ceil((height * beta) / factor) * factor;
    w = Math.ceil((width * beta) / factor) * factor;
  }
  return { width: w, height: h };
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
