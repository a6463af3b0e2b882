import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";
import {
  type LabelledFeatures,
  leaveOneOutAccuracy,
  nearestNeighbourAccuracy,
  trainLinearProbe,
} from "../../../sdk/metrics/index.ts";

const set = (rows: number[][], labels: number[]): LabelledFeatures => ({
  features: Float32Array.from(rows.flat()),
  dim: rows[0]!.length,
  labels,
});

/** Two directions, told apart by where the large entry is. */
const twoClasses = set(
  [
    [9, 0, 0],
    [8, 1, 0],
    [0, 9, 1],
    [1, 8, 0],
  ],
  [5, 5, -3, -3],
);

describe("nearest neighbour", () => {
  test("finds the class by direction, whatever the vectors' length and offset", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 50, noNaN: true }), fc.integer({ min: -20, max: 20 }), (scale, offset) => {
        const moved = { ...twoClasses, features: twoClasses.features.map((x) => x * scale + offset) };
        expect(nearestNeighbourAccuracy(moved, twoClasses)).toBe(1);
      }),
    );
  });

  test("leave-one-out does not find the vector itself", () => {
    expect(leaveOneOutAccuracy(twoClasses)).toBe(1);
    expect(leaveOneOutAccuracy({ ...twoClasses, labels: [1, 2, 3, 4] })).toBe(0);
    expect(
      nearestNeighbourAccuracy({ ...twoClasses, labels: [1, 2, 3, 4] }, { ...twoClasses, labels: [1, 2, 3, 4] }),
    ).toBe(1);
  });

  test("a constant vector is as far from everything: no NaN, the first of the gallery wins", () => {
    expect(nearestNeighbourAccuracy(set([[2, 2, 2]], [5]), twoClasses)).toBe(1);
  });
});

describe("linear probe", () => {
  test("separates what is separable and says how it went", () => {
    const probe = trainLinearProbe(twoClasses);
    expect(probe.classes).toEqual([-3, 5]);
    expect(probe.converged).toBe(true);
    expect(probe.predict(twoClasses.features)).toEqual([5, 5, -3, -3]);
    expect(probe.accuracy(twoClasses)).toBe(1);
  });

  test("gives the same answer each time", () => {
    expect(trainLinearProbe(twoClasses).loss).toBe(trainLinearProbe(twoClasses).loss);
  });

  test("says when it was stopped early", () => {
    const probe = trainLinearProbe(twoClasses, { maxIterations: 1, tolerance: 1e-12 });
    expect([probe.iterations, probe.converged]).toEqual([1, false]);
  });

  test("a label that it never saw counts as wrong", () => {
    expect(trainLinearProbe(twoClasses).accuracy({ ...twoClasses, labels: [5, 5, -3, 99] })).toBe(0.75);
  });

  test("refuses one class, and options out of range", () => {
    expect(() => trainLinearProbe({ ...twoClasses, labels: [1, 1, 1, 1] })).toThrow("Expected at least two classes");
    for (const option of [{ C: 0 }, { C: Number.NaN }, { maxIterations: -1 }, { tolerance: 0 }]) {
      expect(() => trainLinearProbe(twoClasses, option)).toThrow(/for option "\w+" of trainLinearProbe/);
    }
  });
});

const bad: [string, unknown][] = [
  ["nothing", undefined],
  ["no rows", { features: new Float32Array(0), dim: 3, labels: [] }],
  ["fewer numbers than rows times dim", { ...twoClasses, dim: 4 }],
  ["dim 0", { ...twoClasses, dim: 0 }],
  ["labels that are no integers", { ...twoClasses, labels: [1, 2, 0.5, 3] }],
  ["a plain array", { ...twoClasses, features: [1, 2, 3] }],
  ["NaN features", { ...twoClasses, features: twoClasses.features.map((x, i) => (i === 7 ? Number.NaN : x)) }],
];

test.each(bad)("every feature metric refuses %s", (_, value) => {
  const given = value as LabelledFeatures;
  expect(() => nearestNeighbourAccuracy(given, twoClasses)).toThrow(VqraeError);
  expect(() => nearestNeighbourAccuracy(twoClasses, given)).toThrow(VqraeError);
  expect(() => leaveOneOutAccuracy(given)).toThrow(VqraeError);
  expect(() => trainLinearProbe(given)).toThrow(VqraeError);
  expect(() => trainLinearProbe(twoClasses).accuracy(given)).toThrow(VqraeError);
});

test("names where a bad number is", () => {
  const features = twoClasses.features.map((x, i) => (i === 7 ? Number.NaN : x));
  expect(() => leaveOneOutAccuracy({ ...twoClasses, features })).toThrow("NaN at row 2, column 1");
});

test("refuses sets of different dim, and leave-one-out of one vector", () => {
  const wider = set([[1, 2, 3, 4]], [0]);
  expect(() => nearestNeighbourAccuracy(wider, twoClasses)).toThrow("Expected dim 4, as in the queries");
  expect(() => trainLinearProbe(twoClasses).accuracy(wider)).toThrow("Expected dim 3, as in training");
  expect(() => leaveOneOutAccuracy(wider)).toThrow("Expected at least two vectors");
  expect(() => trainLinearProbe(twoClasses).predict(wider.features)).toThrow(VqraeError);
});
