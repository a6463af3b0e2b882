import fc from "fast-check";
import { expect, test } from "vitest";
import { float32Bound, int8Bound } from "../../../sdk/search/error-bounds.ts";
import { roundRow } from "../../../sdk/search/round-rows.ts";

const coordinate = fc.oneof(
  fc.float({ noNaN: true, min: -4, max: 4 }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 1e-45, 1 + 2 ** -23, 1 / 3),
);
const pairs = fc.integer({ min: 1, max: 40 }).chain((dim) => {
  const row = fc.array(coordinate.map(Math.fround), { minLength: dim, maxLength: dim });
  return fc.tuple(row, row);
});
const length = (x: readonly number[]) => Math.hypot(...x);
const exactScore = (z: readonly number[], e: readonly number[]) =>
  z.reduce((sum, x, i) => sum + x * e[i]!, 0) - length(e) ** 2 / 2;

test("a float32 score is within its bound, in whatever order it is added", () => {
  fc.assert(
    fc.property(pairs, fc.boolean(), ([z, e], reversed) => {
      const terms = [...z.map((x, i) => Math.fround(x * e[i]!)), Math.fround(-(length(e) ** 2) / 2)];
      if (reversed) terms.reverse();
      const score = terms.reduce((sum, term) => Math.fround(sum + term), 0);
      const bound = float32Bound(z.length, length(z), length(e));
      if (bound === Number.POSITIVE_INFINITY) return;
      expect(Math.abs(score - exactScore(z, e))).toBeLessThanOrEqual(bound);
    }),
    { numRuns: 2000 },
  );
});

test("bounds are infinite where float32 could overflow", () => {
  expect(float32Bound(8, 1e30, 1e30)).toBe(Number.POSITIVE_INFINITY);
  expect(float32Bound(8, 1e39, 1e-30)).toBe(Number.POSITIVE_INFINITY); // a coordinate of its own
  expect(float32Bound(8, Number.NaN, 1)).toBe(Number.POSITIVE_INFINITY);
  expect(int8Bound(8, 1, 1e-30, 1e37)).toBe(Number.POSITIVE_INFINITY); // sums times the code's scale
  expect(float32Bound(8, 10, 10)).toBeLessThan(1e-3);
});

test("roundRow says exactly what it took away", () => {
  fc.assert(
    fc.property(pairs, ([row, middle]) => {
      const center = Float64Array.from(middle);
      const integers = new Int8Array(row.length);
      const rounded = roundRow(Float32Array.from(row), 0, center, integers, 0, 0);
      const x = row.map((value, i) => value - center[i]!);
      const back = [...integers].map((integer) => integer * rounded.scale);
      expect(rounded.scale).toBe(Math.fround(rounded.scale));
      expect(Math.min(...integers)).toBeGreaterThanOrEqual(-127);
      const near = (value: number) => ({ low: value * (1 - 1e-12), high: value * (1 + 1e-12) });
      for (const [actual, expected] of [
        [rounded.length, length(x)],
        [rounded.roundedLength, length(back)],
        [rounded.error, length(x.map((value, i) => value - back[i]!))],
      ] as const) {
        expect(actual).toBeGreaterThanOrEqual(near(expected).low);
        expect(actual).toBeLessThanOrEqual(near(expected).high);
      }
      // No more than half a step in each direction is lost.
      expect(rounded.error).toBeLessThanOrEqual(Math.sqrt(row.length) * Math.max(rounded.scale * 0.51, 1e-29));
    }),
    { numRuns: 500 },
  );
});
