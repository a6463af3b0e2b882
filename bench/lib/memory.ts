import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { median } from "./median.ts";

setFlagsFromString("--expose-gc");

/** Collects garbage, so that what is measured next is what is held. */
export const collectGarbage: () => void = runInNewContext("gc");

/**
 * How much a measure of memory grew once allocators, caches and threads had taken what they keep: from the second fifth of its looks to
 * the last one, of the medians.
 */
export function growthOf(looks: readonly number[]): {
  readonly warm: number;
  readonly late: number;
  readonly growth: number;
} {
  const fifth = Math.max(1, Math.floor(looks.length / 5));
  const [warm, late] = [median(looks.slice(fifth, 2 * fifth)), median(looks.slice(-fifth))];
  return { warm, late, growth: (late - warm) / warm };
}
