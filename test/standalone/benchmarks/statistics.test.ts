import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Group } from "../../../adapters/benchmarks/index.ts";
import { circularScore } from "../../../adapters/benchmarks/kit/scores/circular.ts";
import { meanScore } from "../../../adapters/benchmarks/kit/scores/mean.ts";
import { confidenceIntervals, middle95 } from "../../../adapters/benchmarks/statistics/bootstrap.ts";
import { mcNemar, pairedBootstrap } from "../../../adapters/benchmarks/statistics/paired-tests.ts";
import { judged } from "./files.ts";

const singles = (scores: readonly number[]): Group[] => scores.map((score) => [judged(score)]);
const accuracy = meanScore("accuracy");

describe("figures", () => {
  it("circular: right in every order or not at all", () => {
    const score = circularScore("accuracy");
    expect(
      score([
        [judged(1), judged(1)],
        [judged(1), judged(0)],
      ]),
    ).toEqual({ accuracy: 50 });
  });
});

describe("intervals", () => {
  it("are the same for a seed, and as wide as a binomial's", async () => {
    const groups = singles(Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 0 : 1)));
    const { accuracy: interval } = await confidenceIntervals(groups, accuracy);
    const [low, high] = interval!;
    expect((await confidenceIntervals(groups, accuracy)).accuracy).toEqual([low, high]);
    const halfWidth = 196 * Math.sqrt((0.75 * 0.25) / 400);
    expect(low).toBeGreaterThan(75 - 1.25 * halfWidth);
    expect(low).toBeLessThan(75 - 0.75 * halfWidth);
    expect(high - 75).toBeGreaterThan(0.75 * halfWidth);
    expect(high - 75).toBeLessThan(1.25 * halfWidth);
  });

  it("draw groups whole: pairs that are all right or all wrong are as uncertain as half as many questions", async () => {
    const pairs = Array.from({ length: 100 }, (_, i): Group => [judged(i % 2), judged(i % 2)]);
    const width = async (groups: readonly Group[]) => {
      const { accuracy: interval } = await confidenceIntervals(groups, accuracy);
      return interval![1] - interval![0];
    };
    expect(await width(pairs)).toBeGreaterThan(1.2 * (await width(pairs.flat().map((one) => [one]))));
  });

  it("percentiles lie between neighbours as numpy's do", () => {
    expect(middle95([3, 1, 2, 4, 5])).toEqual([1.1, 4.9]);
  });
});

describe("paired tests", () => {
  // scipy.stats.binomtest(min(b, c), b + c).pvalue
  it.each([
    [1, 9, 0.021484375],
    [10, 10, 1],
    [0, 5, 0.0625],
    [15, 30, 0.035697803555194696],
    [0, 0, 1],
  ])("McNemar: %i against %i", (onlyFirst, onlySecond, p) => {
    const first = [...Array(onlyFirst).fill(true), ...Array(onlySecond).fill(false), true, false];
    const second = [...Array(onlyFirst).fill(false), ...Array(onlySecond).fill(true), true, false];
    const result = mcNemar(first, second);
    expect(result).toMatchObject({ onlyFirst, onlySecond });
    expect(result.p).toBeCloseTo(p, 9);
  });

  it("McNemar stays a probability for many pairs", () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (b, c) => {
        const { p } = mcNemar(
          Array.from({ length: b + c }, (_, i) => i < b),
          Array.from({ length: b + c }, (_, i) => i >= b),
        );
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
      }),
      { numRuns: 30 },
    );
  });

  it("the paired bootstrap finds a difference that is there, and none in equal runs", async () => {
    const first = singles(Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 1 : 0)));
    const better = singles(Array.from({ length: 200 }, (_, i) => (i % 2 === 0 || i % 10 === 1 ? 1 : 0)));
    const paired = (second: readonly Group[]) =>
      pairedBootstrap(
        first.map((group, i) => [group, second[i]!] as const),
        accuracy,
      );
    const found = await paired(better);
    expect(found.difference).toBe(10);
    expect(found.interval[0]).toBeGreaterThan(0);
    expect(found.p).toBeLessThan(0.01);
    expect(await paired(first)).toMatchObject({ difference: 0, interval: [0, 0], p: 1 });
  });
});
