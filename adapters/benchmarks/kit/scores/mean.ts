import type { Group, Judged, Metrics } from "../../benchmark.ts";

/** Lists of the items with the same key, by key in order; items without one are left out. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string | undefined): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const value = key(item);
    if (value === undefined) continue;
    const list = found.get(value);
    if (list) list.push(item);
    else found.set(value, [item]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** By a field that the score is broken down by. */
export const byField = (judged: readonly Judged[], field: string): Map<string, Judged[]> =>
  groupBy(judged, ({ categories }) => categories[field]);

/** Of nothing it is 0. */
export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

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
