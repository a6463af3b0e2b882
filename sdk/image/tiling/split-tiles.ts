import type { RgbImage } from "../../contract/image.ts";
import { resize } from "../resize/resize.ts";
import { checkRgbImage } from "../rgb-image.ts";
import type { Resample } from "../view-plan.ts";
import { cut } from "./paste.ts";
import { wholeNumber } from "./whole-number.ts";

/** How `splitTiles` cuts. */
export interface SplitTilesOptions {
  /** Side of a tile in pixels (Idefics3: 364, SmolVLM: 384 or 512). */
  readonly tile: number;
  /** What the longer side is brought to first (Idefics3: 4 tiles). */
  readonly longestEdge: number;
  /** Whether there are tiles at all (true); without, the image is stretched to one tile. */
  readonly split?: boolean;
  /** Pillow's filter (lanczos). */
  readonly resample?: Resample;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A longer side than this is shortened (transformers' MAX_IMAGE_SIZE). */
const MAX_SIDE = 4096;

/**
 * The tiles of Idefics3 and SmolVLM (transformers' Idefics3ImageProcessor): the image at `longestEdge` and then at the
 * next multiples of a tile, row by row, and last the whole of it on one tile. An image that fits one tile is that tile
 * alone.
 *
 * @throws INVALID_IMAGE, INVALID_ARGUMENT
 */
export function splitTiles(
  image: RgbImage,
  { tile, longestEdge, split = true, resample = "lanczos" }: SplitTilesOptions,
): { readonly images: RgbImage[]; readonly rows: number; readonly columns: number } {
  checkRgbImage(image);
  wholeNumber(tile, "tile");
  wholeNumber(longestEdge, "longestEdge");
  const to = (from: RgbImage, { width, height }: Size) => resize(from, width, height, resample);
  const square = { width: tile, height: tile };
  const first = to(image, longestEdgeSize(image, longestEdge));
  if (!split) return { images: [to(first, square)], rows: 0, columns: 0 };
  const whole = to(first, multipleSize(first, tile));
  if (whole.width <= tile && whole.height <= tile) return { images: [whole], rows: 0, columns: 0 };
  return { images: [...cut(whole, tile), to(whole, square)], rows: whole.height / tile, columns: whole.width / tile };
}

/** The longer side at `edge`, the other rounded down and then up to an even number. */
function longestEdgeSize({ width, height }: Size, edge: number): Size {
  const even = (side: number) => Math.max(1, side + (side % 2));
  const ratio = width / height;
  const wide = width >= height;
  const size = wide
    ? { width: edge, height: even(Math.trunc(edge / ratio)) }
    : { width: even(Math.trunc(edge * ratio)), height: edge };
  if (Math.max(size.width, size.height) <= MAX_SIDE) return size;
  const shortened = size.width / size.height;
  return wide
    ? { width: MAX_SIDE, height: Math.max(1, Math.trunc(MAX_SIDE / shortened)) }
    : { width: Math.max(1, Math.trunc(MAX_SIDE * shortened)), height: MAX_SIDE };
}

/** Both sides multiples of `tile`, the longer one first and the other in proportion to that. */
function multipleSize({ width, height }: Size, tile: number): Size {
  const up = (side: number) => Math.ceil(side / tile) * tile;
  const ratio = width / height;
  return width >= height
    ? { width: up(width), height: up(Math.trunc(up(width) / ratio)) }
    : { width: up(Math.trunc(up(height) * ratio)), height: up(height) };
}
