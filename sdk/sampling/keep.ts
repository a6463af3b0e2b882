import { selectLargest } from "./select.ts";

/** Sorted at first, to find the ids of top-p. */
const FIRST_SORTED = 1024;

/** Which ids stay after top-k and top-p. */
export interface Kept {
  /** Ids whose logits are above it stay; -Infinity where all do. */
  readonly threshold: number;
  /** So many of the ids with exactly this logit stay too, the lowest ones. */
  readonly atThreshold: number;
}

/**
 * The ids that LlamaGen's `top_k_top_p_filtering` keeps (autoregressive/models/generate.py): those whose logit is at
 * least the k-th largest, ties included; of these, the likeliest up to the first whose share of the probability, with
 * all before it, is more than `topP`.
 *
 * @param logits finite or -Infinity, after the temperature
 * @param topK 0 is all
 * @param topP 1 is all
 */
export function keep(logits: Float32Array, topK: number, topP: number): Kept {
  const { length } = logits;
  const limit = topK > 0 && topK < length ? topK : length;
  const smallest = limit < length ? selectLargest(logits.slice(), limit) : Number.NEGATIVE_INFINITY;
  if (topP >= 1) return { threshold: smallest, atThreshold: length };

  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > largest) largest = logit;
  let total = 0;
  for (const logit of logits) if (logit >= smallest) total += Math.exp(logit - largest);
  // The likeliest few have the share nearly always; sorting all would take longer than all the rest.
  for (let count = Math.min(FIRST_SORTED, limit); ; count = Math.min(4 * count, limit)) {
    const cut = count === limit ? smallest : selectLargest(logits.slice(), count);
    const sorted = logits.filter((logit) => logit >= cut).sort(); // ascending
    let share = 0;
    let at = sorted.length;
    while (at > 0 && share <= topP * total) share += Math.exp(sorted[--at]! - largest);
    if (share <= topP * total && count < limit) continue;
    const threshold = sorted[at]!;
    let equal = at;
    while (equal < sorted.length && sorted[equal] === threshold) equal++;
    return { threshold, atThreshold: equal - at };
  }
}
