import fc from "fast-check";
import { expect, test } from "vitest";
import { Nearest, squaredDistance } from "../../../sdk/search/exact-distance.ts";
import { nearestReference } from "./reference.ts";

/** Few values, so that ties are common; every size of float32, so that float64 rounds. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(-2, -1, -0, 0, 1, 2, 3) },
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(1e-45, -1e-45, 1 + 2 ** -23, 2 ** 100, 3e38),
);
const problems = fc.integer({ min: 1, max: 70 }).chain((dim) =>
  fc.record({
    dim: fc.constant(dim),
    vector: fc.array(value, { minLength: dim, maxLength: dim }),
    codes: fc.array(fc.array(value, { minLength: dim, maxLength: dim }), { minLength: 1, maxLength: 12 }),
    order: fc.infiniteStream(fc.nat()),
  }),
);

test("Nearest finds the exact nearest code in whatever order codes are offered", () => {
  fc.assert(
    fc.property(problems, ({ dim, vector, codes, order }) => {
      const [z, table] = [Float32Array.from(vector), Float32Array.from(codes.flat())];
      const ids = [...codes.keys()].map((id) => ({ id, key: order.next().value })).toSorted((a, b) => a.key - b.key);
      const nearest = new Nearest(table, dim).reset(z, 0);
      for (const { id } of ids) nearest.offer(id);
      expect(nearest.id).toBe(nearestReference(z, table, dim)[0]);
    }),
    { numRuns: 300 },
  );
});

test("a tie that float64 gets wrong is a tie", () => {
  // The same numbers in another order, whose squares add up to another float64.
  const [x, y, w] = [0.1, 0.2, 1.1];
  const codes = Float32Array.of(x, y, x, w, y, x, x, w);
  const z = new Float32Array(4);
  expect(squaredDistance(z, 0, codes, 0, 4)).toBeGreaterThan(squaredDistance(z, 0, codes, 4, 4));
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const nearest = new Nearest(codes, 4).reset(z, 0);
    for (const id of order) nearest.offer(id);
    expect(nearest.id).toBe(0);
  }
});

test("one unit of the last place decides, however large the vectors", () => {
  const z = Float32Array.of(3e38, 0);
  const codes = Float32Array.of(-3e38, 2 ** -149, -3e38, 0);
  expect(new Nearest(codes, 2).reset(z, 0).id).toBe(-1);
  const nearest = new Nearest(codes, 2).reset(z, 0);
  nearest.offer(0);
  nearest.offer(1);
  expect(nearest.id).toBe(1);
});

test("squaredDistance is the distance, or stops above the limit", () => {
  const z = Float32Array.from({ length: 200 }, (_, i) => i);
  const e = new Float32Array(200);
  expect(squaredDistance(z, 0, e, 0, 200)).toBe((199 * 200 * 399) / 6);
  expect(squaredDistance(z, 3, e, 0, 2)).toBe(9 + 16);
  const limited = squaredDistance(z, 0, e, 0, 200, 1000);
  expect(limited).toBeGreaterThan(1000);
  expect(limited).toBeLessThan((199 * 200 * 399) / 6);
});
