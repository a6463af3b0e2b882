import type { Group, Judged, Metrics } from "../../benchmark.ts";
import { byField } from "./grouping.ts";

/** The mean of nothing is 0. */
export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean score in percent. */
export const percentOf = (judged: readonly Judged[]): number => 100 * mean(judged.map(({ score }) => score));

/** The mean score of all questions, and of those of each category. */
export const meanScore =
  (headline: string, ...fields: readonly string[]) =>
  (groups: readonly Group[]): Metrics => {
    const all = groups.flat();
    const metrics: Record<string, number> = { [headline]: percentOf(all) };
    for (const field of fields) {
      for (const [value, some] of byField(all, field)) metrics[`${field}: ${value}`] = percentOf(some);
    }
    return metrics;
  };
