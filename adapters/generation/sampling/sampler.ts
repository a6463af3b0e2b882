import { expected } from "../../../sdk/kit.ts";
import { uniformNumbers } from "./random.ts";
import type { Sampling } from "./sampling.ts";
import { type WeighSpace, weigh, weighSpace } from "./weigh.ts";

/** Draws the ids of one image: temperature, then top-k, then top-p, then a draw. The same seed draws the same again. */
export class Sampler {
  readonly #random: () => number;
  readonly #sampling: Sampling;
  #space: WeighSpace = weighSpace(0);

  constructor(seed: number, sampling: Sampling) {
    this.#random = uniformNumbers(seed);
    this.#sampling = sampling;
  }

  /**
   * @param logits [codebook size], guided
   * @throws RUNTIME for NaN or infinity, for which no draw would be right
   */
  draw(logits: Float32Array): number {
    const likeliest = argmax(logits);
    if (this.#sampling.temperature === 0) return likeliest;
    if (this.#space.scaled.length !== logits.length) this.#space = weighSpace(logits.length);
    weigh(logits, logits[likeliest]!, this.#sampling, this.#space);
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
    "The language model's weights or its device are at fault: check the file, or try another device.",
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
