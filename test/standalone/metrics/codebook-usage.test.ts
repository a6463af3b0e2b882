import fc from "fast-check";
import { expect, test } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";
import { CodebookUsage } from "../../../sdk/metrics/index.ts";

test("counts, utilization, entropy and perplexity of a known histogram", () => {
  const usage = new CodebookUsage(8).add(Int32Array.of(0, 0, 0, 0)).add([1, 1, 2, 3]);
  expect([...usage.counts]).toEqual([4, 2, 1, 1, 0, 0, 0, 0]);
  expect(usage.total).toBe(8);
  expect(usage.utilization).toBe(0.5);
  expect(usage.entropy).toBe(1.75);
  expect(usage.perplexity).toBeCloseTo(2 ** 1.75, 12);
});

test("nothing counted: no utilization, and no entropy to speak of", () => {
  const usage = new CodebookUsage(4);
  expect(usage.utilization).toBe(0);
  expect(usage.entropy).toBeNaN();
  expect(usage.perplexity).toBeNaN();
});

test("perplexity lies between 1 and the number of used entries; the order of ids does not matter", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(15), { minLength: 1 }), (ids) => {
      const usage = new CodebookUsage(16).add(ids);
      expect(usage.utilization).toBe(new Set(ids).size / 16);
      expect(usage.perplexity).toBeGreaterThanOrEqual(1 - 1e-9);
      expect(usage.perplexity).toBeLessThanOrEqual(new Set(ids).size + 1e-9);
      expect(new CodebookUsage(16).add(ids.toReversed()).entropy).toBe(usage.entropy);
    }),
  );
});

test.each([[4], [-1], [1.5], [Number.NaN]])("refuses id %s and counts none of its batch", (id) => {
  const usage = new CodebookUsage(4);
  expect(() => usage.add([0, 1, id])).toThrow("Expected an integer from 0 to 3 for a codebook id but received");
  expect(usage.total).toBe(0);
  expect(usage.utilization).toBe(0);
});

test("refuses ids that are no ids, and an impossible size", () => {
  expect(() => new CodebookUsage(4).add(undefined as unknown as number[])).toThrow(VqraeError);
  expect(() => new CodebookUsage(4).add("12" as unknown as number[])).toThrow(VqraeError);
  for (const size of [0, -1, 2.5, Number.NaN]) expect(() => new CodebookUsage(size)).toThrow(VqraeError);
});
