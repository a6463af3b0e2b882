import type { ImageSize } from "../contract/image.ts";
import { longestEdge, shortestEdge } from "./preprocess.ts";
import { dynamicGrid } from "./tiling/dynamic-tiles.ts";
import { nativeSize } from "./tiling/native-size.ts";
import type { ViewPlan } from "./view-plan.ts";

/**
 * A photo is decoded to one part of so many of each side. sharp has libjpeg decode to a half for 3, to a quarter for 5, to an eighth
 * for 9: for 2, 4 and 8 it takes the next larger one, since libjpeg rounds sides up.
 */
export type DecodedScale = 1 | 3 | 5 | 9;

/** An image that is decoded to fewer pixels keeps at least so many for each that the encoder is given. */
const KEPT = 2;

/**
 * How much smaller a photo may be decoded for `plan`: what is left has at least twice the width and the height of what it is
 * resized to. 1 where the plan reads places of the whole image: tiles with rules of their own, padding, centre squares of papers.
 */
export function decodedScale(size: ImageSize, plan: ViewPlan): DecodedScale {
  const wanted = resizedTo(size, plan);
  if (wanted === null) return 1;
  const room = Math.min(size.width / wanted.width, size.height / wanted.height) / KEPT;
  return room >= 9 ? 9 : room >= 5 ? 5 : room >= 3 ? 3 : 1;
}

/** What an image of this size is resized to at most; null where that is not all that is made of it. */
function resizedTo(size: ImageSize, plan: ViewPlan): ImageSize | null {
  if (plan.geometry === "native") return plan.tiles === null ? nativeSize(size, plan) : null;
  if (plan.background !== null || plan.centre !== undefined) return null;
  const { tiling, resizeTo } = plan;
  if (tiling?.kind === "dynamic") {
    const { columns, rows } = dynamicGrid(size, { ...tiling, tile: plan.size });
    return { width: columns * plan.size, height: rows * plan.size };
  }
  if (tiling !== null) return null;
  if (plan.geometry === "fit") return longestEdge(size, plan);
  return plan.geometry === "stretch" ? { width: resizeTo, height: resizeTo } : shortestEdge(size, resizeTo);
}
