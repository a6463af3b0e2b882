import { setImmediate as otherWork } from "node:timers/promises";
import { seededRandom } from "../../../sdk/kit.ts";
import type { Group, Metrics } from "../benchmark.ts";

export const RESAMPLES = 1000;
export const BOOTSTRAP_SEED = 1;

/** Lower and upper end of the 95 % confidence interval. */
export type Interval = readonly [number, number];

/**
 * Percentile bootstrap: the figures of as many groups drawn with replacement, again and again. What is scored together
 * is drawn together.
 */
export async function confidenceIntervals(
  groups: readonly Group[],
  score: (groups: readonly Group[]) => Metrics,
  { resamples = RESAMPLES, seed = BOOTSTRAP_SEED } = {},
): Promise<Record<string, Interval>> {
  const drawn: Record<string, number[]> = {};
  for (const scores of await ofResamples(groups, score, { resamples, seed })) {
    for (const [name, value] of Object.entries(scores)) (drawn[name] ??= []).push(value);
  }
  return Object.fromEntries(Object.entries(drawn).map(([name, values]) => [name, middle95(values)]));
}

/** What `of` gives for as many items drawn with replacement, again and again. */
export async function ofResamples<T, R>(
  items: readonly T[],
  of: (drawn: readonly T[]) => R,
  { resamples, seed }: { readonly resamples: number; readonly seed: number },
): Promise<R[]> {
  const random = seededRandom(seed);
  const found: R[] = [];
  for (let i = 0; i < resamples; i++) {
    await otherWork(); // a thousand scores of a large set take seconds
    found.push(of(items.map((item) => items[Math.floor(random() * items.length)] ?? item)));
  }
  return found;
}

/** The 2.5th and the 97.5th percentile, between neighbours by their distance. */
export function middle95(values: readonly number[]): Interval {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const [below = Number.NaN, above = below] = sorted.subarray(Math.floor(place), Math.floor(place) + 2);
    return below + (above - below) * (place % 1);
  };
  return [at(0.025), at(0.975)];
}
