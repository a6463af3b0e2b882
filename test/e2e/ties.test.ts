import { expect, test } from "vitest";
import { wrongIds } from "./ties.ts";

const reference = { ids: [5, 6, 7], others: [8, 9, 10], gaps: [0.5, 1e-6, 0.5] };

test("wrongIds accepts equal ids, and the second nearest code of a tie", () => {
  expect(wrongIds([5, 6, 7], reference, 1e-4)).toEqual([]);
  expect(wrongIds(Int32Array.of(5, 9, 7), reference, 1e-4)).toEqual([]);
});

test("wrongIds finds every other difference", () => {
  expect(wrongIds([8, 6, 7], reference, 1e-4)).toEqual([0]); // the second nearest, but far
  expect(wrongIds([5, 9, 7], reference, 1e-7)).toEqual([1]);
  expect(wrongIds([5, 10, 7], reference, 1e-4)).toEqual([1]); // a tie, but neither of its codes
  expect(wrongIds([5, 6], reference, 1e-4)).toEqual([2]);
  expect(wrongIds([5, 6, 7, 7], reference, 1e-4)).toEqual([3]);
  expect(wrongIds([5, 9, 7], { ...reference, gaps: [0.5, Number.NaN, 0.5] }, 1e-4)).toEqual([1]);
});
