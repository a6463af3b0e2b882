import type { ImageSize, RgbImage } from "../contract/image.ts";
import { resize } from "./resize/resize.ts";
import { anyresTiles, bestResolution } from "./tiling/anyres-tiles.ts";
import { dynamicGrid, dynamicTiles } from "./tiling/dynamic-tiles.ts";
import { exceeds, nativeSize } from "./tiling/native-size.ts";
import { panAndScan } from "./tiling/pan-and-scan.ts";
import { splitTiles } from "./tiling/split-tiles.ts";
import type { LongestEdge, NativePlan, PixelRange, ViewPlan } from "./view-plan.ts";

/** One image that an encoder is given, and its place among the tiles, from 0; null for the whole image. */
export interface View {
  readonly image: RgbImage;
  /** Of a video: the frame after it, which shares its patches. */
  readonly next?: RgbImage;
  readonly tile: { readonly row: number; readonly column: number } | null;
}

/**
 * The images that a checkpoint's encoder is given for one: its tiles in the order of the VLM's code, or the image itself.
 * @param full the image's size before it was decoded to a part of it
 */
export function views(image: RgbImage, spec: ViewPlan, full: ImageSize = image): View[] {
  if (spec.geometry === "native") {
    return spec.pixels ? nativeViews(image, spec, spec.pixels, full) : [{ image, tile: null }];
  }
  if (spec.tiling === null) return [{ image, tile: null }];
  const { tiling, size: tile, resample } = spec;
  switch (tiling.kind) {
    case "dynamic": {
      const options = { ...tiling, tile, resample };
      return place(dynamicTiles(image, options, full), dynamicGrid(full, options), "last");
    }
    case "anyres": {
      const { width, height } = bestResolution(image, tiling.pinpoints);
      const grid = { rows: height / tile, columns: width / tile };
      return place(anyresTiles(image, { ...tiling, tile, resample }), grid, "first");
    }
    case "split": {
      const { images, ...grid } = splitTiles(image, { ...tiling, tile, resample });
      return place(images, grid, "last");
    }
    case "pan_and_scan": {
      const { images, ...grid } = panAndScan(image, { ...tiling, tile, resample });
      return place(images, grid, "first");
    }
  }
}

/** An image of many pixels as its tiles and the whole of it, another as the whole alone. */
function nativeViews(image: RgbImage, spec: NativePlan, { factor }: PixelRange | LongestEdge, full: ImageSize): View[] {
  const { resample, patchSize, tiles } = spec;
  const { width, height } = nativeSize(full, spec);
  const whole: View = { image: resize(image, width, height, resample), tile: null };
  if (tiles === null || !exceeds(image, tiles.above, factor, patchSize)) return [whole];
  const options = { ...tiles, tile: tiles.size, resample, thumbnail: false };
  const cut = dynamicTiles(image, options);
  if (cut.length === 1) return [{ image: cut[0]!, tile: null }];
  return [...place(cut, dynamicGrid(image, options), "last"), ...(tiles.thumbnail ? [whole] : [])];
}

/** `images`: the tiles row by row, and where there is one more the whole image before or after them. */
function place(
  images: readonly RgbImage[],
  { rows, columns }: { rows: number; columns: number },
  whole: "first" | "last",
): View[] {
  const count = rows * columns;
  const first = whole === "first" ? images.length - count : 0;
  return images.map((image, i) => {
    const index = i - first;
    const isTile = index >= 0 && index < count && images.length > 1;
    return { image, tile: isTile ? { row: Math.floor(index / columns), column: index % columns } : null };
  });
}
