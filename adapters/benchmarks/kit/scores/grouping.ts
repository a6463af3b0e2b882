import type { Judged } from "../../benchmark.ts";

/** Lists of the items with the same key, in the order of their first items; items without a key are left out. */
export function groupInOrder<T>(items: Iterable<T>, key: (item: T) => string | undefined): Map<string, [T, ...T[]]> {
  const found = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const value = key(item);
    if (value === undefined) continue;
    const list = found.get(value);
    if (list) list.push(item);
    else found.set(value, [item]);
  }
  return found;
}

/** The same, sorted by key. */
export const groupBy = <T>(items: Iterable<T>, key: (item: T) => string | undefined): Map<string, [T, ...T[]]> =>
  new Map([...groupInOrder(items, key)].sort(([a], [b]) => (a < b ? -1 : 1)));

/** Judged questions by one of the fields that a score is broken down by, sorted. */
export const byField = (judged: readonly Judged[], field: string): Map<string, [Judged, ...Judged[]]> =>
  groupBy(judged, ({ categories }) => categories[field]);
