import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { RgbImage } from "../../../sdk/contract/image.ts";
import {
  type LabelledFeatures,
  leaveOneOutAccuracy,
  nearestNeighbourAccuracy,
  psnr,
  ssimGaussian,
  ssimUniform,
  trainLinearProbe,
} from "../../../sdk/metrics/index.ts";

/** Metrics agree with the reference implementations to this much; both work in float64. */
const TOLERANCE = 1e-6;

interface ImageCase {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly a: string;
  readonly b: string;
  readonly psnr: number;
  readonly ssimUniform: number | null;
  readonly ssimGaussian: number | null;
}
interface StoredSet {
  readonly features: string;
  readonly labels: number[];
}
interface ProbeCase {
  readonly C: number;
  readonly loss: number;
  readonly predictions: number[];
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
}
interface Fixture {
  readonly images: ImageCase[];
  readonly features: {
    readonly dim: number;
    readonly train: StoredSet;
    readonly test: StoredSet;
    readonly nearestNeighbour: number;
    readonly leaveOneOut: number;
    readonly probes: ProbeCase[];
  };
}

const fixture: Fixture = JSON.parse(readFileSync(new URL("metrics.json", import.meta.url), "utf8"));

const imageOf = (pixels: string, { width, height }: ImageCase): RgbImage => ({
  data: new Uint8Array(Buffer.from(pixels, "base64")),
  width,
  height,
});

function setOf({ features, labels }: StoredSet): LabelledFeatures {
  const bytes = new Uint8Array(Buffer.from(features, "base64"));
  return { features: new Float32Array(bytes.buffer), dim: fixture.features.dim, labels };
}

describe.each(fixture.images)("$name, $width x $height", (stored) => {
  const a = imageOf(stored.a, stored);
  const b = imageOf(stored.b, stored);

  test("PSNR equals scikit-image's", () => {
    expect(Math.abs(psnr(a, b) - stored.psnr)).toBeLessThan(TOLERANCE);
  });
  if (stored.ssimUniform === null) {
    test("ssimUniform refuses an image smaller than its window", () => {
      expect(() => ssimUniform(a, b)).toThrow("Expected at least 7 x 7 pixels (the window)");
    });
  } else {
    test("ssimUniform equals scikit-image's", () => {
      expect(Math.abs(ssimUniform(a, b) - stored.ssimUniform!)).toBeLessThan(TOLERANCE);
    });
  }
  if (stored.ssimGaussian === null) {
    test("ssimGaussian refuses an image smaller than its window", () => {
      expect(() => ssimGaussian(a, b)).toThrow("Expected at least 11 x 11 pixels (the window)");
    });
  } else {
    test("ssimGaussian equals torchmetrics'", () => {
      expect(Math.abs(ssimGaussian(a, b) - stored.ssimGaussian!)).toBeLessThan(TOLERANCE);
    });
  }
});

test("the figures that the facts name for the formula pair", () => {
  const { psnr, ssimUniform, ssimGaussian } = fixture.images[0]!;
  expect(psnr).toBeCloseTo(34.42398, 5);
  expect(ssimUniform).toBeCloseTo(0.9977407, 7);
  expect(ssimGaussian).toBeCloseTo(0.9963696, 6); // stored from float32
});

describe("features", () => {
  const train = setOf(fixture.features.train);
  const held = setOf(fixture.features.test);

  test("1-NN accuracy equals torch's", () => {
    expect(nearestNeighbourAccuracy(held, train)).toBeCloseTo(fixture.features.nearestNeighbour, 12);
    expect(leaveOneOutAccuracy(train)).toBeCloseTo(fixture.features.leaveOneOut, 12);
  });

  test.each(fixture.features.probes)("the linear probe reaches the optimum, C = $C", (stored) => {
    const probe = trainLinearProbe(train, { C: stored.C, tolerance: 1e-8 });
    expect(probe.converged).toBe(true);
    expect(Math.abs(probe.loss - stored.loss)).toBeLessThan(TOLERANCE);
    expect(probe.predict(held.features)).toEqual(stored.predictions);
    expect(probe.accuracy(train)).toBeCloseTo(stored.trainAccuracy, 12);
    expect(probe.accuracy(held)).toBeCloseTo(stored.testAccuracy, 12);
  });
});
