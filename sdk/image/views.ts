import type { ImageSpec } from "../checkpoint/checkpoint.ts";
import type { RgbImage } from "../vision-tokenizer.ts";
import { anyresTiles } from "./tiling/anyres-tiles.ts";
import { dynamicTiles } from "./tiling/dynamic-tiles.ts";

/** The images that a checkpoint's encoder is given for one: its tiles in the order of the VLM's code, or the image itself. */
export function views(image: RgbImage, spec: ImageSpec): RgbImage[] {
  if (spec.geometry === "native" || spec.tiling === null) return [image];
  const { tiling, size: tile, resample } = spec;
  return tiling.kind === "dynamic"
    ? dynamicTiles(image, { ...tiling, tile, resample })
    : anyresTiles(image, { ...tiling, tile, resample });
}
