import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { eigenvalues } from "../../../sdk/linear-algebra/eigenvalues.ts";
import {
  clusterAgreement,
  FeatureMoments,
  frechetDistance,
  kMeans,
  perceptualDistance,
} from "../../../sdk/metrics/index.ts";
import { largestDifference } from "../expected.ts";

/** Sums in float64; what differs is their order. */
const TOLERANCE = 1e-6;
/** The references take the root of a matrix that need not be regular. */
const FRECHET_TOLERANCE = 1e-3;

interface FrechetCase {
  readonly name: string;
  readonly dim: number;
  readonly a: string;
  readonly b: string;
  readonly mean: number[];
  readonly covariance: number[] | null;
  readonly eigenvalues: number[];
  readonly scipy: number;
  readonly torchmetrics: number;
}
interface ClusterCase {
  readonly name: string;
  readonly dim: number;
  readonly rows: string;
  readonly start: string;
  readonly labels: number[];
  readonly assignments: number[];
  readonly inertia: number;
  readonly inertiaOf50Starts: number;
  readonly purity: number;
  readonly nmi: number;
}
interface StoredTap {
  readonly channels: number;
  readonly data: string;
}
interface Fixture {
  readonly frechet: FrechetCase[];
  readonly clusters: ClusterCase[];
  readonly perceptual: { readonly a: StoredTap[]; readonly b: StoredTap[]; readonly distance: number };
}

const fixture: Fixture = JSON.parse(readFileSync(new URL("sets.json", import.meta.url), "utf8"));

const floats = (stored: string) => new Float32Array(new Uint8Array(Buffer.from(stored, "base64")).buffer);

function momentsOf(stored: string, dim: number): FeatureMoments {
  const rows = floats(stored);
  const moments = new FeatureMoments(dim);
  for (let start = 0; start < rows.length; start += dim) moments.add(rows.subarray(start, start + dim));
  return moments;
}

describe.each(fixture.frechet)("Frechet distance, $name", (stored) => {
  const a = momentsOf(stored.a, stored.dim);
  const b = momentsOf(stored.b, stored.dim);

  test("mean and covariance equal numpy's", () => {
    expect(largestDifference(a.mean, stored.mean)).toBeLessThan(TOLERANCE);
    if (stored.covariance) expect(largestDifference(a.covariance(), stored.covariance)).toBeLessThan(TOLERANCE);
  });

  test("eigenvalues equal numpy's", () => {
    expect(largestDifference(eigenvalues(a.covariance(), stored.dim), stored.eigenvalues)).toBeLessThan(TOLERANCE);
  });

  test("the distance equals scipy's and torchmetrics', either way round", () => {
    for (const distance of [frechetDistance(a, b), frechetDistance(b, a)]) {
      expect(Math.abs(distance - stored.scipy)).toBeLessThan(FRECHET_TOLERANCE);
      expect(Math.abs(distance - stored.torchmetrics)).toBeLessThan(FRECHET_TOLERANCE);
    }
  });
});

describe.each(fixture.clusters)("k-means, $name", ({ dim, labels, ...stored }) => {
  const rows = floats(stored.rows);
  const start = Float64Array.from(floats(stored.start));
  const clusters = start.length / dim;

  test("from the same centres, clusters and inertia are scikit-learn's", () => {
    const { assignments, inertia, converged } = kMeans(rows, dim, { clusters, start });
    expect(converged).toBe(true);
    expect([...assignments]).toEqual(stored.assignments);
    expect(Math.abs(inertia - stored.inertia)).toBeLessThan(TOLERANCE);
  });

  test("from its own centres, 50 starts end with as little inertia as 50 of scikit-learn's", () => {
    expect(kMeans(rows, dim, { clusters, restarts: 50 }).inertia).toBeLessThan(stored.inertiaOf50Starts + TOLERANCE);
  });

  test("purity and mutual information", () => {
    const { purity, nmi } = clusterAgreement(stored.assignments, labels);
    expect(purity).toBeCloseTo(stored.purity, 12);
    expect(nmi).toBeCloseTo(stored.nmi, 12);
  });
});

test("the perceptual distance equals that of the trainer's loss", () => {
  const { a, b, distance } = fixture.perceptual;
  const taps = (stored: readonly StoredTap[]) => stored.map(({ channels, data }) => ({ channels, data: floats(data) }));
  expect(Math.abs(perceptualDistance(taps(a), taps(b)) - distance)).toBeLessThan(TOLERANCE);
});
