import type { RgbImage } from "../../contract/image.ts";
import { expectedBut } from "../../errors.ts";
import { resize } from "../resize/resize.ts";
import { checkRgbImage } from "../rgb-image.ts";
import type { Resample } from "../view-plan.ts";
import { crop } from "./paste.ts";
import { wholeNumber } from "./whole-number.ts";

export interface PanAndScanOptions {
  /** Side of each view in pixels (Gemma 3: 896). */
  readonly tile: number;
  /** Least side of a crop in the image's own pixels (256). */
  readonly minCrop?: number;
  /** Most crops (4). */
  readonly max?: number;
  /** Images whose longer side is shorter than this times the other are not cropped (1.2). */
  readonly minRatio?: number;
  readonly resample?: Resample;
}

/** Crops side by side or one below the other, each of `width` x `height` pixels of the image; the last may be less. */
export interface CropGrid {
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

/** How an image is cropped; null for one that is left whole. */
export function cropGrid(
  { width, height }: { width: number; height: number },
  { minCrop = 256, max = 4, minRatio = 1.2 }: Pick<PanAndScanOptions, "minCrop" | "max" | "minRatio">,
): CropGrid | null {
  wholeNumber(minCrop, "minCrop");
  wholeNumber(max, "max");
  const [long, short] = width >= height ? [width, height] : [height, width];
  if (long / short < minRatio) return null;
  const fitting = Math.min(Math.floor(long / minCrop), Math.floor(long / short + 0.5));
  const count = Math.min(max, Math.max(2, fitting));
  const side = Math.ceil(long / count);
  if (Math.min(side, short) < minCrop) return null;
  return width >= height
    ? { columns: count, rows: 1, width: side, height }
    : { columns: 1, rows: count, width, height: side };
}

/**
 * Gemma 3's pan and scan (transformers' Gemma3ImageProcessor): the whole image, then, of one that is longer than it is
 * wide or wider than it is long, its crops, each stretched to one square.
 *
 * @throws INVALID_ARGUMENT; INVALID_IMAGE, also for an image of fewer pixels than crops, which transformers fails on
 * too
 */
export function panAndScan(
  image: RgbImage,
  { tile, resample = "bilinear", ...options }: PanAndScanOptions,
): { readonly images: RgbImage[]; readonly rows: number; readonly columns: number } {
  checkRgbImage(image);
  wholeNumber(tile, "tile");
  const square = (part: RgbImage) => resize(part, tile, tile, resample);
  const grid = cropGrid(image, options);
  if (grid === null) return { images: [square(image)], rows: 0, columns: 0 };
  const { columns, rows, width, height } = grid;
  if (width * (columns - 1) >= image.width || height * (rows - 1) >= image.height) {
    const received = `${image.width} x ${image.height} pixels`;
    throw expectedBut("INVALID_IMAGE", `sides of which ${columns * rows} crops have pixels`, "an image", received);
  }
  const crops: RgbImage[] = [];
  for (let top = 0; top < height * rows; top += height) {
    for (let left = 0; left < width * columns; left += width) {
      const box = { width: Math.min(width, image.width - left), height: Math.min(height, image.height - top) };
      crops.push(square(crop(image, left, top, box)));
    }
  }
  return { images: [square(image), ...crops], rows, columns };
}
