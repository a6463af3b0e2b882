import { describe, expect, it } from "vitest";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { type Resampler, resize, resizeAndCrop } from "../../../sdk/image/resize/resize.ts";
import { resampleJs } from "../../../sdk/image/resize/resize-js.ts";
import { resampleWasm } from "../../../sdk/image/resize/resize-wasm.ts";
import type { Resample } from "../../../sdk/image/view-plan.ts";
import { type ExpectedPixels, type PatternName, pattern, readCases, summarise } from "./fixtures.ts";

interface ResizeCase {
  readonly pattern: PatternName;
  readonly source: [width: number, height: number];
  readonly resample: Resample;
  readonly expected: ExpectedPixels;
}

interface CropCase {
  readonly pattern: PatternName;
  readonly source: [width: number, height: number];
  readonly size: number;
  readonly expected: ExpectedPixels;
}

const { resize: resizes, crop: crops } = readCases<{ resize: ResizeCase[]; crop: CropCase[] }>("resize.json");
const nameOf = ({ pattern, source, resample, expected }: ResizeCase) =>
  `${pattern} ${source.join("x")} -> ${expected.width}x${expected.height} ${resample}`;

describe("resize equals Pillow to the last bit", () => {
  const twins: Record<string, Resampler> = { resampleJs, resampleWasm };
  for (const [twin, resampler] of Object.entries(twins)) {
    it.each(resizes.map((item) => [nameOf(item), item] as const))(`${twin}: %s`, (_name, item) => {
      const { width, height } = item.expected;
      const whole = { left: 0, top: 0, width, height };
      let ran = false;
      const spy: Resampler = (...job) => (ran = resampler(...job));
      const image = pattern(item.pattern, ...item.source);
      const result = resizeAndCrop(image, width, height, item.resample, whole, spy);
      expect(ran).toBe(true);
      expect(summarise(result, item.expected)).toEqual(item.expected);
    });
  }

  it("by default too", () => {
    for (const item of resizes) {
      const { width, height } = item.expected;
      const result = resize(pattern(item.pattern, ...item.source), width, height, item.resample);
      expect(summarise(result, item.expected)).toEqual(item.expected);
    }
  });
});

describe("preprocess", () => {
  it.each(crops)("crop equals centre_crop: $source -> $size", ({ pattern: name, source, size, expected }) => {
    const image = pattern(name, ...source);
    const result = preprocess(image, { size, resizeTo: size, resample: "bicubic", geometry: "crop" });
    expect(summarise(result, expected)).toEqual(expected);
  });

  it("a larger resizeTo leaves the centre of the resized image (DeiT: 256, then 224)", () => {
    const image = pattern("mixed", 48, 32);
    for (const geometry of ["stretch", "crop"] as const) {
      const whole = preprocess(image, { size: 40, resizeTo: 40, resample: "bicubic", geometry });
      const centre = preprocess(image, { size: 35, resizeTo: 40, resample: "bicubic", geometry });
      const row = (y: number, { data, width }: typeof whole, left: number) =>
        data.subarray((y * width + left) * 3, (y * width + left + 35) * 3);
      for (let y = 0; y < 35; y++) expect(row(y, centre, 0)).toEqual(row(y + 2, whole, 2));
    }
  });

  it("stretch is a plain resize", () => {
    const squares = resizes.filter(({ expected }) => expected.width === expected.height);
    expect(squares.length).toBeGreaterThan(20);
    for (const { pattern: name, source, resample, expected } of squares) {
      const side = expected.width;
      const spec = { size: side, resizeTo: side, resample, geometry: "stretch" } as const;
      expect(summarise(preprocess(pattern(name, ...source), spec), expected)).toEqual(expected);
    }
  });
});
