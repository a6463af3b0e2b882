import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eigenvalues } from "../../../sdk/linear-algebra/eigenvalues.ts";
import {
  clusterAgreement,
  FeatureMoments,
  frechetDistance,
  type KMeansOptions,
  kMeans,
} from "../../../sdk/metrics/index.ts";
import { gaussian, uniform } from "../../helpers/random.ts";

const DIM = 5;
const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const rowsOf = (seed: number, rows: number, spread = 1) => gaussian(uniform(seed), rows * DIM, spread);

function momentsOf(rows: Float32Array): FeatureMoments {
  const moments = new FeatureMoments(DIM);
  for (let start = 0; start < rows.length; start += DIM) moments.add(rows.subarray(start, start + DIM));
  return moments;
}

describe("eigenvalues", () => {
  test("sum to the trace, and their squares to the squared norm", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 12 }), (seed, n) => {
        const values = gaussian(uniform(seed), n * n, 1);
        const matrix = Float64Array.from(values, (_, at) => values[at]! + values[(at % n) * n + Math.floor(at / n)]!);
        const found = eigenvalues(matrix, n);
        const trace = Array.from({ length: n }, (_, i) => matrix[i * n + i]!).reduce((a, b) => a + b);
        expect(found.reduce((a, b) => a + b)).toBeCloseTo(trace, 9);
        expect(found.reduce((a, b) => a + b * b, 0)).toBeCloseTo(
          matrix.reduce((a, b) => a + b * b, 0),
          8,
        );
        expect([...found]).toEqual([...found].sort((a, b) => a - b));
      }),
    );
  });

  test("of a diagonal matrix and of nothing but zeros", () => {
    expect([...eigenvalues(Float64Array.of(3, 0, 0, 0, -1, 0, 0, 0, 2), 3)]).toEqual([-1, 2, 3]);
    expect([...eigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
  });

  test("a number that is not finite does not hang", () => {
    expect(() => eigenvalues(Float64Array.of(1, Number.NaN, 2, Number.NaN, 1, 1, 2, 1, 1), 3)).toThrow(/finite/);
  });
});

describe("the Frechet distance", () => {
  test("is 0 to itself, symmetric, and a shift's squared length", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [rows, other] = [rowsOf(seed, 20), rowsOf(seed + 1, 17, 3)];
        const a = momentsOf(rows);
        expect(frechetDistance(a, a)).toBeLessThan(1e-6);
        expect(frechetDistance(a, momentsOf(other))).toBeCloseTo(frechetDistance(momentsOf(other), a), 6);
        expect(frechetDistance(a, momentsOf(rows.map((x) => x + 2)))).toBeCloseTo(4 * DIM, 3);
      }),
    );
  });

  test("images that are all the same have no covariance, and a distance still", () => {
    const flat = new Float32Array(6 * DIM).fill(1);
    expect(frechetDistance(momentsOf(flat), momentsOf(flat.map(() => 3)))).toBeCloseTo(4 * DIM, 9);
  });

  test("bad input", () => {
    const one = momentsOf(rowsOf(1, 1));
    expect(() => frechetDistance(one, one)).toThrow("Expected at least two vectors for a covariance but received 1.");
    expect(() => frechetDistance(momentsOf(rowsOf(1, 3)), new FeatureMoments(2))).toThrow(
      "Expected 5 numbers a vector",
    );
    expect(() => one.add(Float32Array.of(1, 2))).toThrow("Expected 5 numbers (1 rows of 5)");
    expect(() => one.add(new Float32Array(DIM).fill(Number.NaN))).toThrow("finite numbers");
    expect(() => new FeatureMoments(0)).toThrow("for dim of feature moments but received 0");
    expect(one.count).toBe(1);
  });
});

describe("k-means", () => {
  test("no row is nearer to another centre; centres are means; the same seed gives the same clusters", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, clusters) => {
        const rows = rowsOf(seed, 25);
        const { assignments, centres, inertia } = kMeans(rows, DIM, { clusters, seed, restarts: 2 });
        const distance = (row: number, c: number) =>
          centres.subarray(c * DIM, (c + 1) * DIM).reduce((sum, x, i) => sum + (x - rows[row * DIM + i]!) ** 2, 0);
        let total = 0;
        for (const [row, own] of assignments.entries()) {
          total += distance(row, own);
          for (let c = 0; c < clusters; c++) expect(distance(row, own)).toBeLessThanOrEqual(distance(row, c) + 1e-9);
        }
        expect(total).toBeCloseTo(inertia, 6);
        expect(new Set(assignments).size).toBe(clusters);
        expect(kMeans(rows, DIM, { clusters, seed, restarts: 2 }).assignments).toEqual(assignments);
      }),
    );
  });

  test("more clusters never raise the inertia, from more starts neither", () => {
    const rows = rowsOf(4, 60);
    const [few, many] = [2, 9].map((clusters) => kMeans(rows, DIM, { clusters }).inertia);
    expect(many!).toBeLessThan(few!);
    const one = kMeans(rows, DIM, { clusters: 9, restarts: 1 }).inertia;
    expect(kMeans(rows, DIM, { clusters: 9, restarts: 8 }).inertia).toBeLessThanOrEqual(one);
  });

  test("equal rows end, with inertia 0", () => {
    const { inertia, converged } = kMeans(new Float32Array(6 * DIM).fill(2), DIM, { clusters: 3 });
    expect([inertia, converged]).toEqual([0, true]);
  });

  test("bad input", () => {
    const rows = rowsOf(1, 4);
    expect(() => kMeans(rows, DIM, { clusters: 5 })).toThrow(
      'Expected a whole number from 1 to 4, the rows, for option "clusters" of kMeans but received 5.',
    );
    expect(() => kMeans(rows, 3, { clusters: 1 })).toThrow("rows of 3");
    expect(() => kMeans(rows, DIM, { clusters: 2, restarts: 0 })).toThrow(
      'Expected a whole number >= 1 for option "restarts" of kMeans but received 0.',
    );
    expect(() => kMeans(rows, DIM, { clusters: 2, k: 3 } as KMeansOptions)).toThrow("for the options of kMeans");
    expect(() => kMeans(rows, DIM, { clusters: 2, start: new Float64Array(DIM) })).toThrow("for the first centres");
  });
});

describe("agreement of clusters with labels", () => {
  test("does not depend on names; perfect is 1", () => {
    expect(clusterAgreement([2, 2, 0, 0], [7, 7, 1, 1])).toEqual({ purity: 1, nmi: 1 });
    expect(clusterAgreement([0, 0, 0, 0], [7, 7, 1, 1])).toEqual({ purity: 0.5, nmi: 0 });
  });

  test("bad input", () => {
    expect(() => clusterAgreement([], [])).toThrow("at least one row");
    expect(() => clusterAgreement([1, 2], [1])).toThrow("Expected 2 labels for cluster agreement but received 1.");
  });
});
