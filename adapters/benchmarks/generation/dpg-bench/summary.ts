import { groupBy, mean } from "../../kit/index.ts";
import type { ItemScore } from "./score-item.ts";

/** All in percent, as the benchmark prints them. */
export interface DpgSummary {
  readonly items: number;
  /** The benchmark's number: the mean over items. */
  readonly score: number;
  /** By the category's first word, such as "attribute", sorted. */
  readonly level1: Readonly<Record<string, number>>;
  /** By category, such as "attribute - color", sorted. */
  readonly level2: Readonly<Record<string, number>>;
}

/**
 * The mean of all items, and of all questions of a category; see `ItemScore` for what a category counts. Equals the end
 * of `main` of TencentQQGYLab/ELLA, dpg_bench/compute_dpg_bench.py.
 */
export function summarizeDpg(scores: readonly ItemScore[]): DpgSummary {
  const questions = scores.flatMap(({ categories }) => categories);
  const means = (keyOf: (category: string) => string): [string, number][] =>
    [...groupBy(questions, ({ category }) => keyOf(category))].map(([name, some]) => [
      name,
      100 * mean(some.map(({ score }) => score)),
    ]);
  return {
    items: scores.length,
    score: 100 * mean(scores.map(({ score }) => score)),
    level1: Object.fromEntries(means((category) => category.replace(/-.*/s, "").trim())),
    level2: Object.fromEntries(means((category) => category)),
  };
}
