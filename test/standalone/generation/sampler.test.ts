import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presets } from "../../../adapters/generation/sampling/presets.ts";
import { guidanceAt, type Sampling } from "../../../adapters/generation/sampling/sampling.ts";
import { keep } from "../../../sdk/sampling/keep.ts";
import { uniformNumbers } from "../../../sdk/sampling/random.ts";
import { Sampler } from "../../../sdk/sampling/sampler.ts";
import { selectLargest } from "../../../sdk/sampling/select.ts";

const sampling = (changes: Partial<Sampling> = {}): Sampling => ({ ...presets.plain, ...changes });
const logitsOf = (...values: number[]) => Float32Array.from(values);
const draws = (seed: number, logits: Float32Array, count: number, changes?: Partial<Sampling>) => {
  const sampler = new Sampler(uniformNumbers(seed), sampling(changes));
  return Array.from({ length: count }, () => sampler.draw(logits));
};

describe("Sampler", () => {
  it("draws each id as often as its probability says", () => {
    const shares = [0.5, 0.25, 0.125, 0.1, 0.025];
    const count = 40_000;
    const found = draws(1, Float32Array.from(shares, Math.log), count);
    for (const [id, share] of shares.entries()) {
      const deviation = Math.sqrt((share * (1 - share)) / count);
      const own = found.filter((drawn) => drawn === id).length / count;
      expect(Math.abs(own - share)).toBeLessThan(5 * deviation);
    }
  });

  it("draws the same again for a seed, and something else for the next", () => {
    const logits = new Float32Array(1000);
    expect(draws(7, logits, 50)).toEqual(draws(7, logits, 50));
    expect(draws(7, logits, 50)).not.toEqual(draws(8, logits, 50));
  });

  it("takes the likeliest at temperature 0, the first of equals", () => {
    expect(draws(1, logitsOf(1, 3, 3, 2), 5, { temperature: 0 })).toEqual([1, 1, 1, 1, 1]);
  });

  it("never draws an id that was filtered out or has no probability", () => {
    const logits = logitsOf(5, Number.NEGATIVE_INFINITY, 4, 4.5, -2, 4.9);
    expect(new Set(draws(3, logits, 2000))).toEqual(new Set([0, 2, 3, 4, 5]));
    expect(new Set(draws(3, logits, 2000, { topK: 3 }))).toEqual(new Set([0, 3, 5]));
    expect(new Set(draws(3, logits, 2000, { topP: 0.01 }))).toEqual(new Set([0]));
  });

  it.each([
    ["NaN", logitsOf(0, 1, Number.NaN), "visual id 2"],
    ["infinity", logitsOf(Number.POSITIVE_INFINITY, 1), "visual id 0"],
    ["no probability at all", logitsOf(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), "visual id 0"],
  ])("refuses %s, whatever the temperature", (_, logits, message) => {
    for (const temperature of [0, 1]) {
      const draw = () => new Sampler(uniformNumbers(1), sampling({ temperature })).draw(logits);
      expect(draw).toThrow(expect.objectContaining({ code: "RUNTIME", message: expect.stringContaining(message) }));
    }
  });
});

it("uniform numbers are in [0, 1), of the right mean and spread, and differ by seed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const next = uniformNumbers(seed);
      const numbers = Array.from({ length: 2000 }, next);
      const mean = numbers.reduce((a, b) => a + b) / numbers.length;
      const square = numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length;
      expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true);
      expect(Math.abs(mean - 1 / 2)).toBeLessThan(0.045);
      expect(Math.abs(square - 1 / 3)).toBeLessThan(0.045);
      expect(uniformNumbers((seed + 1) >>> 0)()).not.toBe(numbers[0]);
    }),
  );
});

describe("keep", () => {
  /** By sorting ids, one step after the other. */
  function slowly(logits: Float32Array, topK: number, topP: number): number[] {
    const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
    const smallest = topK > 0 ? logits[order[Math.min(topK, order.length) - 1]!]! : Number.NEGATIVE_INFINITY;
    const candidates = order.filter((id) => logits[id]! >= smallest);
    if (topP >= 1) return candidates.sort((a, b) => a - b);
    const largest = logits[order[0]!]!;
    const weights = candidates.map((id) => Math.exp(logits[id]! - largest));
    const total = weights.toReversed().reduce((a, b) => a + b, 0);
    let share = 0;
    let kept = 0;
    while (kept < candidates.length && share <= topP * total) share += weights[kept++]!;
    return candidates.slice(0, kept).sort((a, b) => a - b);
  }

  it("keeps what a plain implementation keeps, ties too", () => {
    const logits = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 60 });
    const shares = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(logits, fc.nat(70), shares, (values, topK, topP) => {
        const own = Float32Array.from(values, (value) => value / 4);
        const { threshold, atThreshold } = keep(own, topK, topP);
        let equal = 0;
        const kept = [...own.keys()].filter(
          (id) => own[id]! > threshold || (own[id] === threshold && equal++ < atThreshold),
        );
        expect(kept).toEqual(slowly(own, topK, topP));
      }),
    );
  });
});

it("selectLargest finds what sorting finds", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 80 }),
      fc.nat(),
      (values, place) => {
        const k = 1 + (place % values.length);
        expect(selectLargest(Float32Array.from(values), k)).toBe(values.toSorted((a, b) => b - a)[k - 1]);
      },
    ),
  );
});

it("keep finds a share that lies beyond the ids that it sorts first", () => {
  const flat = new Float32Array(5000);
  expect(keep(flat, 0, 0.5)).toEqual({ threshold: 0, atThreshold: 2501 });
  const steps = Float32Array.from(flat, (_, i) => -i / 5000);
  const weights = [...steps].map((logit) => Math.exp(logit));
  const total = weights.reduce((a, b) => a + b);
  let share = 0;
  const last = weights.findIndex((weight) => (share += weight) > 0.9 * total);
  expect(last).toBeGreaterThan(4096);
  expect(keep(steps, 0, 0.9)).toEqual({ threshold: steps[last], atThreshold: 1 });
});

describe("guidance schedules", () => {
  const scales = (guidanceSchedule: Sampling["guidanceSchedule"]) =>
    [0, 1, 2, 3, 4].map((index) => guidanceAt(sampling({ guidanceScale: 5, guidanceSchedule }), index, 5));

  it("are constant, rise from 1, or end after an interval as LlamaGen's", () => {
    expect(scales("constant")).toEqual([5, 5, 5, 5, 5]);
    expect(scales("linear")).toEqual([1, 2, 3, 4, 5]);
    expect(scales({ interval: 1 })).toEqual([5, 5, 5, 1, 1]);
  });
});
