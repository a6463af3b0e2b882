import { expect, test } from "vitest";
import { largestDifference } from "./expected.ts";

test("largestDifference sees a difference, a NaN and a missing number", () => {
  expect(largestDifference([1, 2], [1, 2])).toBe(0);
  expect(largestDifference([1, 2, 0], [1, 1.5, 0])).toBe(0.5);
  expect(largestDifference([1, Number.NaN, 1], [1, 2, 1])).toBe(Number.POSITIVE_INFINITY);
  expect(largestDifference([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
});
