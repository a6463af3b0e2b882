import type { RgbImage } from "../../contract/image.ts";
import { expected } from "../../errors.ts";
import { resize } from "../resize/resize.ts";
import { checkRgbImage } from "../rgb-image.ts";
import type { Resample } from "../view-plan.ts";
import { cut, paste } from "./paste.ts";
import { wholeNumber } from "./whole-number.ts";

/** How `anyresTiles` cuts. */
export interface AnyresOptions {
  /** Side of a tile in pixels (LLaVA 1.6: 336). */
  readonly tile: number;
  /** Canvases to choose from, [height, width] each, multiples of `tile` (config.json's `image_grid_pinpoints`). */
  readonly pinpoints: readonly (readonly [height: number, width: number])[];
  /** Pillow's filter (bicubic). */
  readonly resample?: Resample;
}

/** The canvas on which most of the image's pixels fit, and of those the smallest. */
export function bestResolution(
  { width, height }: { width: number; height: number },
  pinpoints: AnyresOptions["pinpoints"],
): { width: number; height: number } {
  let best = { width: 0, height: 0 };
  let [most, least] = [0, Number.POSITIVE_INFINITY];
  for (const [canvasHeight, canvasWidth] of pinpoints) {
    const scale = Math.min(canvasWidth / width, canvasHeight / height);
    const fitted = Math.trunc(width * scale) * Math.trunc(height * scale);
    const effective = Math.min(fitted, width * height);
    const wasted = canvasWidth * canvasHeight - effective;
    if (effective > most || (effective === most && wasted < least)) {
      [most, least] = [effective, wasted];
      best = { width: canvasWidth, height: canvasHeight };
    }
  }
  return best;
}

/**
 * LLaVA 1.6's tiles (haotian-liu/LLaVA `process_anyres_image`; transformers' LlavaNextImageProcessor): first the whole
 * image stretched to one tile, then, row by row, the tiles of the image fitted into the best canvas on black.
 *
 * @throws INVALID_IMAGE, INVALID_ARGUMENT
 */
export function anyresTiles(image: RgbImage, { tile, pinpoints, resample = "bicubic" }: AnyresOptions): RgbImage[] {
  checkRgbImage(image);
  wholeNumber(tile, "tile");
  if (pinpoints.length === 0 || pinpoints.flat().some((side) => !(side > 0) || side % tile !== 0))
    throw expected("INVALID_ARGUMENT", `at least one [height, width] of multiples of ${tile}`, "pinpoints", pinpoints);
  const canvas = bestResolution(image, pinpoints);
  const [x, y] = [canvas.width / image.width, canvas.height / image.height];
  const fitted =
    x < y
      ? { width: canvas.width, height: Math.min(Math.ceil(image.height * x), canvas.height) }
      : { width: Math.min(Math.ceil(image.width * y), canvas.width), height: canvas.height };
  const left = Math.floor((canvas.width - fitted.width) / 2);
  const top = Math.floor((canvas.height - fitted.height) / 2);
  const padded = paste(resize(image, fitted.width, fitted.height, resample), canvas, left, top, [0, 0, 0]);
  return [resize(image, tile, tile, resample), ...cut(padded, tile)];
}
