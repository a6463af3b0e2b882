import type { RgbImage } from "../../contract/image.ts";
import { expected, expectedBut } from "../../errors.ts";
import { checkRgbImage } from "../rgb-image.ts";
import type { Resample } from "../view-plan.ts";
import { type Coefficients, coefficients, RESAMPLES, sliceCoefficients } from "./coefficients.ts";
import { resampleJs } from "./resize-js.ts";
import { resampleWasm } from "./resize-wasm.ts";

/** Longest side, before and after. The weights of an axis grow with it: 36 MB at this limit. */
const MAX_SIDE = 2 ** 20;
/** Most pixels of a result: 805 MB. */
const MAX_RESULT_PIXELS = 2 ** 28;
/** The 32-bit sums of a band of output rows, 16 MiB; a padded row of `MAX_SIDE` pixels just fits. */
const MAX_BAND_VALUES = 2 ** 22;

/** Height over width beyond which Pillow shortens an image before it resizes it horizontally. */
const TALL_RATIO = 100;

/** Where a full resize of width x height pixels is cut: only these pixels are computed. */
export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Fills `output` with [vertical.count, horizontal.count, 3] bytes; false where it cannot run. */
export type Resampler = (
  image: RgbImage,
  horizontal: Coefficients,
  vertical: Coefficients,
  output: Uint8Array,
) => boolean;

const fastest: Resampler = (...job) => resampleWasm(...job) || resampleJs(...job);

/**
 * Resizes exactly as Pillow's `Image.resize((width, height), resample)` does for mode RGB, antialiased and rounded to
 * 8 bits between the horizontal and the vertical pass. Always returns new pixels. Works in any thread.
 * @throws INVALID_ARGUMENT, INVALID_IMAGE, or IMAGE_TOO_LARGE for a side above 2^20 pixels.
 */
export function resize(image: RgbImage, width: number, height: number, resample: Resample): RgbImage {
  return resizeAndCrop(image, width, height, resample, { left: 0, top: 0, width, height });
}

/** `resize`, then the pixels of `crop`; what is cropped away is not computed. */
export function resizeAndCrop(
  image: RgbImage,
  width: number,
  height: number,
  resample: Resample,
  crop: Crop,
  resampler: Resampler = fastest,
): RgbImage {
  check(image, resample, crop);
  const horizontal = coefficients(image.width, width, resample, { start: crop.left, count: crop.width });
  const vertical = coefficients(image.height, height, resample, { start: crop.top, count: crop.height });
  // Pillow 12.3 (Image.resize) takes the vertical pass first here. The order shows: pixels are rounded in between.
  if (image.height > image.width * TALL_RATIO && height < image.height) {
    const shortened = bothPasses(image, coefficients(image.width, image.width, resample), vertical, resampler);
    return bothPasses(shortened, horizontal, coefficients(crop.height, crop.height, resample), resampler);
  }
  return bothPasses(image, horizontal, vertical, resampler);
}

/** Runs `resampler` over bands of output rows, so that its sums stay small for any result. */
function bothPasses(image: RgbImage, horizontal: Coefficients, vertical: Coefficients, resampler: Resampler): RgbImage {
  const [width, height] = [horizontal.count, vertical.count];
  const data = new Uint8Array(width * height * 3);
  // resize-wasm.ts pads a row of sums to 16 values.
  const bandRows = Math.floor(MAX_BAND_VALUES / (Math.ceil((width * 3) / 16) * 16));
  for (let top = 0; top < height; top += bandRows) {
    const rows = Math.min(bandRows, height - top);
    const band = data.subarray(top * width * 3, (top + rows) * width * 3);
    resampler(image, horizontal, sliceCoefficients(vertical, top, rows), band);
  }
  return { data, width, height };
}

/** @throws IMAGE_TOO_LARGE for a side above 2^20 pixels */
export function checkSides({ width, height }: RgbImage): void {
  if (Math.max(width, height) <= MAX_SIDE) return;
  const size = `${width} x ${height} pixels`;
  throw expectedBut("IMAGE_TOO_LARGE", `sides of at most ${MAX_SIDE} pixels`, "the image", size);
}

function check(image: RgbImage, resample: Resample, target: Crop): void {
  checkRgbImage(image);
  if (!RESAMPLES.includes(resample)) {
    throw expected("INVALID_ARGUMENT", `one of ${RESAMPLES.join(", ")}`, "resample", resample);
  }
  checkSides(image);
  for (const [name, side] of Object.entries({ width: target.width, height: target.height })) {
    if (!Number.isSafeInteger(side) || side < 1 || side > MAX_SIDE) {
      throw expected("INVALID_ARGUMENT", `an integer from 1 to ${MAX_SIDE}`, `${name} of the resized image`, side);
    }
  }
  if (target.width * target.height > MAX_RESULT_PIXELS) {
    const size = `${target.width} x ${target.height}`;
    throw expectedBut("INVALID_ARGUMENT", `at most ${MAX_RESULT_PIXELS} pixels`, "the resized image", size);
  }
}
