import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RgbImage } from "../../../sdk/contract/image.ts";
import { VqraeError } from "../../../sdk/errors.ts";
import { psnr, ssimGaussian, ssimUniform } from "../../../sdk/metrics/index.ts";

const metrics = { psnr, ssimUniform, ssimGaussian };

const pairs = fc
  .record({ width: fc.integer({ min: 11, max: 20 }), height: fc.integer({ min: 11, max: 20 }) })
  .chain(({ width, height }) => {
    const image = fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data): RgbImage => ({ data, width, height }));
    return fc.tuple(image, image);
  });

const grey = (width: number, height: number): RgbImage => ({
  data: new Uint8Array(width * height * 3).fill(90),
  width,
  height,
});

describe.each(Object.entries(metrics))("%s", (name, metric) => {
  test("does not care which image comes first, and is best for equal ones", () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(metric(a, b)).toBeCloseTo(metric(b, a), 12);
        expect(metric(a, a)).toBeCloseTo(name === "psnr" ? Number.POSITIVE_INFINITY : 1, 12);
        expect(metric(a, b)).toBeLessThanOrEqual(metric(a, a) + 1e-12);
      }),
      { numRuns: 20 },
    );
  });

  test("takes clamped bytes", () => {
    const image = grey(12, 12);
    expect(metric({ ...image, data: new Uint8ClampedArray(image.data) }, image)).toBe(metric(image, image));
  });

  test("refuses images of different sizes, even with equally many pixels", () => {
    expect(() => metric(grey(12, 24), grey(24, 12))).toThrow(
      "Expected 12 x 24 pixels for the second image but received 24 x 12 pixels.",
    );
  });

  test.each([
    ["nothing", undefined],
    ["pixels of another type", { data: new Float32Array(12 * 12 * 3), width: 12, height: 12 }],
    ["RGBA", { data: new Uint8Array(12 * 12 * 4), width: 12, height: 12 }],
    ["no pixels", { data: new Uint8Array(0), width: 0, height: 12 }],
    ["half a pixel", { data: new Uint8Array(12 * 18), width: 12, height: 1.5 }],
    ["a negative size", { data: new Uint8Array(432), width: -12, height: -12 }],
  ])("refuses %s", (_, image) => {
    const compare = () => metric(grey(12, 12), image as RgbImage);
    expect(compare).toThrow(VqraeError);
    expect(compare).toThrow(/^Expected .* for the second image but received/);
  });
});

test("PSNR of a difference of one level everywhere", () => {
  const brighter = { ...grey(3, 2), data: grey(3, 2).data.map((value) => value + 1) };
  expect(psnr(grey(3, 2), brighter)).toBeCloseTo(48.1308036, 6);
});
