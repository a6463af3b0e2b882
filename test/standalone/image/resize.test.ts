import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compileResize, generate } from "../../../scripts/build-wasm.ts";
import type { RgbImage } from "../../../sdk/contract/image.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { RESAMPLES } from "../../../sdk/image/resize/coefficients.ts";
import { type Resampler, resize, resizeAndCrop } from "../../../sdk/image/resize/resize.ts";
import { resampleJs } from "../../../sdk/image/resize/resize-js.ts";
import { resampleWasm } from "../../../sdk/image/resize/resize-wasm.ts";
import type { Resample } from "../../../sdk/image/view-plan.ts";
import { pattern } from "../../golden/image/fixtures.ts";

const same = (a: RgbImage["data"], b: RgbImage["data"]) => Buffer.from(a).equals(Buffer.from(b));

function crop({ data, width }: RgbImage, left: number, top: number, columns: number, rows: number): Uint8Array {
  const kept = Array.from({ length: rows }, (_, y) => {
    return Buffer.from(data.subarray(((top + y) * width + left) * 3, ((top + y) * width + left + columns) * 3));
  });
  return new Uint8Array(Buffer.concat(kept));
}

describe("the twins", () => {
  it("give the same bytes for random images, sizes, filters and crops", () => {
    const side = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 300 }));
    const resample = fc.constantFrom(...RESAMPLES);
    fc.assert(
      fc.property(side, side, side, side, resample, fc.nat(), fc.nat(), (w, h, width, height, resample, left, top) => {
        const image = pattern((w + h) % 2 === 0 ? "edges" : "mixed", w, h);
        const window = { left: left % width, top: top % height, width: 0, height: 0 };
        window.width = width - window.left;
        window.height = height - window.top;
        const [js, wasm] = [resampleJs, resampleWasm].map((twin) => {
          return resizeAndCrop(image, width, height, resample, window, twin);
        });
        const whole = resize(image, width, height, resample);
        expect(same(js!.data, wasm!.data)).toBe(true);
        expect(same(js!.data, crop(whole, window.left, window.top, window.width, window.height))).toBe(true);
      }),
    );
  });

  it("handle stripes and bands: results and sources of many megabytes", () => {
    const image = pattern("edges", 2100, 1600);
    const twin = (resampler: Resampler, width: number, height: number) =>
      resizeAndCrop(image, width, height, "bicubic", { left: 0, top: 0, width, height }, resampler).data;
    for (const [width, height] of [
      [1999, 1601],
      [7, 2400],
      [2400, 1],
    ] as const) {
      expect(same(twin(resampleJs, width, height), twin(resampleWasm, width, height))).toBe(true);
    }
  });
});

describe("resize", () => {
  it("neither changes nor keeps the caller's pixels", () => {
    const image = pattern("mixed", 20, 20);
    const before = new Uint8Array(image.data);
    for (const [width, height] of [
      [20, 20],
      [20, 7],
      [7, 20],
      [9, 9],
    ] as const) {
      const result = resize(image, width, height, "lanczos");
      expect(result.data.buffer).not.toBe(image.data.buffer);
      result.data.fill(0);
    }
    preprocess(image, { size: 20, resizeTo: 20, resample: "box", geometry: "crop" }).data.fill(0);
    expect(image.data).toEqual(before);
  });

  it("takes sides of a million pixels within bounded memory", () => {
    const long = { data: new Uint8Array(3 * 2 ** 20).fill(99), width: 1, height: 2 ** 20 };
    const square = { size: 16, resizeTo: 16, resample: "lanczos" } as const;
    const grey = new Uint8Array(16 * 16 * 3).fill(99);
    expect(preprocess(long, { ...square, geometry: "stretch" }).data).toEqual(grey);
    // The resized image would have 16 x 16,777,216 pixels; only its centre is computed.
    expect(preprocess(long, { ...square, geometry: "crop" }).data).toEqual(grey);
    const wide = { ...long, width: 2 ** 20, height: 1 };
    expect(preprocess(wide, { ...square, geometry: "stretch" }).data).toEqual(grey);
    expect(preprocess(wide, { ...square, geometry: "crop" }).data).toEqual(grey);
  });

  it("never needs more memory than the WebAssembly module may have", () => {
    const side = 2 ** 20;
    const ran = vi.fn(resampleWasm);
    const shapes = [
      [1, side],
      [side, 1],
    ] as const;
    for (const [width, height] of shapes) {
      const image = { data: new Uint8Array(width * height * 3), width, height };
      // The longest weights: a side just below the source's.
      const window = { left: 0, top: 0, width: Math.max(1, width - 1), height: Math.max(1, height - 1) };
      resizeAndCrop(image, window.width, window.height, "lanczos", window, ran);
    }
    expect(ran.mock.results.length).toBeGreaterThan(2);
    expect(ran.mock.results.every(({ value }) => value === true)).toBe(true);
  });

  it("works in a worker thread", async () => {
    const image = pattern("mixed", 100, 60);
    const worker = new Worker(new URL("resize-in-worker.ts", import.meta.url), { workerData: image });
    expect((await once(worker, "message"))[0]).toEqual(resize(image, 31, 17, "bicubic"));
    await worker.terminate();
  });

  it.each([
    [0, 5, "box", /width of the resized image but received 0/],
    [5, 1.5, "box", /height of the resized image but received 1.5/],
    [5, Number.NaN, "box", /height/],
    [2 ** 20 + 1, 5, "box", /an integer from 1 to 1048576/],
    [2 ** 20, 2 ** 20, "box", /at most 268435456 pixels/],
    [5, 5, "nearest", /one of box, bilinear, bicubic, lanczos for resample but received "nearest"/],
  ])("refuses %d x %d by %s", (width, height, resample, message) => {
    expect(() => resize(pattern("mixed", 3, 3), width, height, resample as Resample)).toThrow(message);
  });

  it("refuses damaged pixels and sides beyond its limit", () => {
    const short = { data: new Uint8Array(26), width: 3, height: 3 };
    expect(() => resize(short, 5, 5, "box")).toThrow(/27 bytes/);
    for (const geometry of ["crop", "stretch"] as const) {
      expect(() => preprocess(short, { size: 5, resizeTo: 5, resample: "box", geometry })).toThrow(/27 bytes/);
    }
    const side = 2 ** 20 + 1;
    const long = { data: new Uint8Array(3 * side), width: side, height: 1 };
    expect(() => resize(long, 5, 5, "box")).toThrow(expect.objectContaining({ code: "IMAGE_TOO_LARGE" }));
  });
});

describe("WebAssembly", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("is compiled from assembly/resize.ts as committed", async () => {
    const committed = readFileSync(new URL("../../../sdk/image/resize/resize-wasm-binary.ts", import.meta.url), "utf8");
    expect(generate(await compileResize())).toBe(committed);
  });

  it.each([
    ["is not there", undefined],
    [
      "lacks SIMD",
      {
        Module: class {
          constructor() {
            throw new Error("no SIMD");
          }
        },
      },
    ],
  ])("is done without where it %s", async (_name, fake) => {
    const image = pattern("edges", 40, 30);
    const wanted = resize(image, 13, 17, "bicubic");
    vi.resetModules();
    vi.stubGlobal("WebAssembly", fake);
    const without = await import("../../../sdk/image/resize/resize.ts");
    expect(without.resize(image, 13, 17, "bicubic")).toEqual(wanted);
  });
});
