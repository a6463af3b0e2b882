import { expected } from "../errors.ts";
import type { DrawRule } from "./draw-rule.ts";
import { type WeighSpace, weigh, weighSpace } from "./weigh.ts";

/** Draws the ids of one image: temperature, then top-k, then top-p, then a draw. The same numbers draw the same again. */
export class Sampler {
  readonly #random: () => number;
  readonly #rule: DrawRule;
  #space: WeighSpace = weighSpace(0);

  /** @param random uniform numbers in [0, 1), such as those of `uniformNumbers`: one a draw where the temperature is above 0 */
  constructor(random: () => number, rule: DrawRule) {
    this.#random = random;
    this.#rule = rule;
  }

  /**
   * @param logits [codebook size], guided
   * @throws RUNTIME for NaN or infinity, for which no draw would be right
   */
  draw(logits: Float32Array): number {
    const likeliest = argmax(logits);
    if (this.#rule.temperature === 0) return likeliest;
    if (this.#space.scaled.length !== logits.length) this.#space = weighSpace(logits.length);
    weigh(logits, logits[likeliest]!, this.#rule, this.#space);
    const { weights } = this.#space;
    return firstAbove(weights, this.#random() * weights.at(-1)!);
  }
}

function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY) throw notFinite(id, logit);
    if (logit > logits[best]!) best = id;
  }
  if (logits[best] === Number.NEGATIVE_INFINITY) throw notFinite(best, logits[best]);
  return best;
}

const notFinite = (id: number, received: unknown) =>
  expected(
    "RUNTIME",
    "a finite number",
    `the logit of visual id ${id}`,
    received,
    "The model's weights or its device are at fault: check the file, or try another device.",
  );

/** The first index whose cumulative weight is more than `target`; of the last weight where rounding made them equal. */
function firstAbove(cumulative: Float64Array, target: number): number {
  const total = cumulative.at(-1)!;
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle]! > target || cumulative[middle] === total) high = middle;
    else low = middle + 1;
  }
  return low;
}
