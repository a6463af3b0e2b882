import { setTimeout as sleep } from "node:timers/promises";
import { median } from "./median.ts";

/** One way of doing a piece of work, timed against the others. */
export type Side = () => Promise<unknown>;

export interface Timing {
  /** Median over the rounds, in ms for one call. */
  readonly ms: number;
  /** The median of each round's time divided by the first side's of the same round: machines change speed, ratios less. */
  readonly ratio: number;
}

/** Longer than onnxruntime's threads wait for more work by spinning: one side's would slow down the next. */
const REST_MS = 60;

/** Times the sides in turn, round after round, with a rest before each, after one unmeasured call of each. */
export async function alternate<K extends string>(
  sides: Readonly<Record<K, Side>>,
  rounds: number,
): Promise<Record<K, Timing>> {
  const names = Object.keys(sides) as K[];
  for (const name of names) await sides[name]();
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      await sleep(REST_MS);
      const start = performance.now();
      await sides[name]();
      times[name].push(performance.now() - start);
    }
  }
  const first = times[names[0]!];
  const timing = (own: number[]): Timing => ({
    ms: median(own),
    ratio: median(own.map((ms, round) => ms / first[round]!)),
  });
  return Object.fromEntries(names.map((name) => [name, timing(times[name])])) as Record<K, Timing>;
}
