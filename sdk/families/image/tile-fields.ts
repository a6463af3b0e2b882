import * as z from "zod";
import type { SquarePlan } from "../../image/view-plan.ts";
import { positiveInteger } from "../fields/config-fields.ts";
import type { Refuse } from "./image-processor.ts";

/** More tiles than any model cuts an image into (InternVL: up to 40); a larger number would exhaust memory. */
const MAX_TILES = 1024;

export const upTo = (max: number) => positiveInteger.max(max, { error: `at most ${max}` });
export const tileCount = upTo(MAX_TILES);

const pairs = { error: "a list of pairs of whole numbers > 0" };
/** LLaVA's `image_grid_pinpoints`. */
export const pinpoints = z.array(z.tuple([positiveInteger, positiveInteger], pairs), pairs).min(1, pairs);

type Canvas = readonly [height: number, width: number];

/** A plan whose `size` is the side of a tile, with the tiles of the best canvas. */
export function withCanvases(square: SquarePlan, canvases: readonly Canvas[], refuse: Refuse): SquarePlan {
  const { size: tile } = square;
  const wrong = canvases.findIndex(
    ([height, width]) => height % tile !== 0 || width % tile !== 0 || (height / tile) * (width / tile) > MAX_TILES,
  );
  if (wrong >= 0) {
    const what = `sides in multiples of ${tile} pixels, a tile's side, and at most ${MAX_TILES} tiles`;
    throw refuse(what, ["image_grid_pinpoints", wrong]);
  }
  return { ...square, geometry: "stretch", tiling: { kind: "anyres", pinpoints: canvases } };
}
