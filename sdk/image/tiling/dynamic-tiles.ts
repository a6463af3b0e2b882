import type { ImageSize, RgbImage } from "../../contract/image.ts";
import { resize } from "../resize/resize.ts";
import { checkRgbImage } from "../rgb-image.ts";
import type { Resample } from "../view-plan.ts";
import { cut } from "./paste.ts";
import { wholeNumber } from "./whole-number.ts";

/** How `dynamicTiles` cuts. */
export interface DynamicTilesOptions {
  /** Side of a tile in pixels (InternVL: 448). */
  readonly tile: number;
  /** Fewest tiles, without the thumbnail (1). */
  readonly min?: number;
  /** Most tiles, without the thumbnail (12). */
  readonly max?: number;
  /** Whether the whole image, stretched to one tile, comes last where there is more than one (true). */
  readonly thumbnail?: boolean;
  /** Pillow's filter (bicubic). */
  readonly resample?: Resample;
}

/** The tile grid whose aspect ratio is the image's, as nearly as `min` to `max` tiles allow. */
export function dynamicGrid(
  { width, height }: { width: number; height: number },
  { tile, min = 1, max = 12 }: DynamicTilesOptions,
): { columns: number; rows: number } {
  wholeNumber(tile, "tile");
  wholeNumber(max, "max");
  wholeNumber(min, "min", max);
  const grids: { columns: number; rows: number }[] = [];
  for (let columns = 1; columns <= max; columns++) {
    for (let rows = 1; columns * rows <= max; rows++) if (columns * rows >= min) grids.push({ columns, rows });
  }
  grids.sort((a, b) => a.columns * a.rows - b.columns * b.rows); // stable, as Python's

  const [ratio, area] = [width / height, width * height];
  let best = { columns: 1, rows: 1 };
  let least = Number.POSITIVE_INFINITY;
  for (const grid of grids) {
    const difference = Math.abs(ratio - grid.columns / grid.rows);
    // Of equally good grids the larger one, unless the tiles would have more than twice the image's pixels.
    const larger = difference === least && area > 0.5 * tile * tile * grid.columns * grid.rows;
    if (difference < least || larger) best = grid;
    least = Math.min(least, difference);
  }
  return best;
}

/**
 * InternVL's dynamic tiles (OpenGVLab/InternVL `dynamic_preprocess`; transformers' GotOcr2ImageProcessor): the image
 * stretched onto the best grid of tiles, row by row.
 *
 * @param full the image's size before it was decoded to a part of it
 * @throws INVALID_IMAGE, INVALID_ARGUMENT
 */
export function dynamicTiles(image: RgbImage, options: DynamicTilesOptions, full: ImageSize = image): RgbImage[] {
  checkRgbImage(image);
  const { tile, thumbnail = true, resample = "bicubic" } = options;
  const { columns, rows } = dynamicGrid(full, options);
  const tiles = cut(resize(image, columns * tile, rows * tile, resample), tile);
  return thumbnail && tiles.length > 1 ? [...tiles, resize(image, tile, tile, resample)] : tiles;
}
