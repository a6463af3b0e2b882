import type { DrawRule } from "./draw-rule.ts";
import { keep } from "./keep.ts";

/** Space for `weigh`, used again for each token. */
export interface WeighSpace {
  readonly scaled: Float32Array;
  /** [n], cumulative: id i has the weight [i] - [i - 1]; the last one is the sum. */
  readonly weights: Float64Array;
}

export const weighSpace = (size: number): WeighSpace => ({
  scaled: new Float32Array(size),
  weights: new Float64Array(size),
});

/**
 * How likely each id is after temperature, top-k and top-p, as cumulative weights that need not sum to 1.
 * @param logits [n], guided; no NaN
 * @param largest of the logits
 */
export function weigh(
  logits: Float32Array,
  largest: number,
  { temperature, topK, topP }: DrawRule,
  { scaled, weights }: WeighSpace,
): void {
  // LlamaGen's lower limit: what is colder takes the likeliest.
  const heat = Math.max(temperature, 1e-5);
  for (let id = 0; id < logits.length; id++) scaled[id] = logits[id]! / heat;
  const { threshold, atThreshold } = keep(scaled, topK, topP);
  const origin = Math.fround(largest / heat);
  let total = 0;
  let equal = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = scaled[id]!;
    if (logit > threshold || (logit === threshold && equal++ < atThreshold)) total += Math.exp(logit - origin);
    weights[id] = total;
  }
}
