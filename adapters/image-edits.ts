import type { TokenGrid } from "../sdk/index.ts";

/** A share of an image's rows, above 0 and below 1, in whole rows: at least one, and one is left to draw. */
export const keptRows = (share: number, { rows }: TokenGrid): number =>
  Math.min(Math.max(1, Math.round(share * rows)), rows - 1);

/** What callers are warned of. */
export const WITHOUT_MASK = "Without a mask, what is transparent is drawn anew, or all where nothing is.";
