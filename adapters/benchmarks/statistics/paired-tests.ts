import type { Group, Metrics } from "../benchmark.ts";
import { BOOTSTRAP_SEED, type Interval, middle95, ofResamples, RESAMPLES } from "./bootstrap.ts";

export interface McNemar {
  /** Right in the first run and wrong in the second. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /**
   * Two-sided: of the pairs that differ, each falls to either side with probability 1/2 if the runs are equally good.
   */
  readonly p: number;
}

/** McNemar's exact test on pairs of right and wrong. */
export function mcNemar(first: readonly boolean[], second: readonly boolean[]): McNemar {
  const onlyFirst = first.filter((right, i) => right && !second[i]).length;
  const onlySecond = second.filter((right, i) => right && !first[i]).length;
  return { onlyFirst, onlySecond, p: binomialTwoSided(Math.min(onlyFirst, onlySecond), onlyFirst + onlySecond) };
}

/** 2 P(X <= k) for n fair coins, at most 1; in logarithms, since 2^-n underflows. */
function binomialTwoSided(k: number, n: number): number {
  let logTerm = -n * Math.LN2;
  let tail = Math.exp(logTerm);
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i);
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}

export interface PairedBootstrap {
  /** Second minus first. */
  readonly difference: number;
  readonly interval: Interval;
  /** Two-sided: twice the share of resamples on the rarer side of zero, ties counted half. */
  readonly p: number;
}

/** The headline's difference over groups drawn with replacement, the same groups of both runs. */
export async function pairedBootstrap(
  pairs: readonly (readonly [Group, Group])[],
  score: (groups: readonly Group[]) => Metrics,
  { resamples = RESAMPLES, seed = BOOTSTRAP_SEED } = {},
): Promise<PairedBootstrap> {
  const headline = (groups: readonly Group[]) => Object.values(score(groups))[0] ?? 0;
  const difference = (drawn: readonly (readonly [Group, Group])[]) =>
    headline(drawn.map(([, second]) => second)) - headline(drawn.map(([first]) => first));
  const differences = await ofResamples(pairs, difference, { resamples, seed });
  const below = differences.filter((value) => value < 0).length;
  const ties = differences.filter((value) => value === 0).length;
  const rarer = Math.min(below, resamples - below - ties) + ties / 2;
  // Resamples cannot show a p below one of them.
  const p = Math.min(1, Math.max(2 * rarer, 1) / resamples);
  return { difference: difference(pairs), interval: middle95(differences), p };
}
