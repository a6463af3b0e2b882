import { describe, expect, it } from "vitest";
import { parseDecodeOptions, parseEncodeOptions, parseLoadOptions } from "../../../sdk/runtime/options.ts";

const messageOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
};

describe("options", () => {
  it("accepts none, all, and undefined values", () => {
    expect(parseLoadOptions(undefined)).toEqual({});
    const speed = {
      precision: "int8",
      prepack: true,
      cacheDir: "cache",
      workers: 2,
      threads: 1,
      batchSize: 4,
    } as const;
    const all = { device: "auto", maxPixels: 1e8, ...speed } as const;
    expect(parseLoadOptions(all)).toEqual(all);
    expect(parseEncodeOptions({ features: false, ids: true, signal: AbortSignal.abort() })).toMatchObject({
      ids: true,
    });
    expect(() => parseDecodeOptions({ signal: undefined } as never)).not.toThrow();
  });

  it.each([
    [{ worker: 2 }, 'for the options of VQRAE.load but received "worker".'],
    [
      { device: "gpu" },
      'Expected one of "auto", "cpu", "webgpu", "cuda" for option "device" of VQRAE.load but received "gpu".',
    ],
    [{ precision: "int4" }, 'Expected one of "fp32", "int8" for option "precision"'],
    [{ prepack: 1 }, 'Expected true or false for option "prepack"'],
    [{ cacheDir: "" }, 'Expected a folder, or false for option "cacheDir"'],
    [{ workers: 0 }, 'Expected a whole number from 1 to 256 for option "workers" of VQRAE.load but received 0.'],
    [{ threads: 1.5 }, 'for option "threads" of VQRAE.load but received 1.5.'],
    [{ batchSize: "8" }, 'for option "batchSize" of VQRAE.load but received "8".'],
    [{ maxPixels: Number.NaN }, 'for option "maxPixels"'],
    [{ onProgress: 1 }, 'Expected a function for option "onProgress"'],
    [{ signal: {} }, 'Expected an AbortSignal for option "signal"'],
    ["fast", "Expected an object with device, precision"],
  ])("names what is wrong with %j", (options, message) => {
    expect(messageOf(() => parseLoadOptions(options as never))).toContain(message);
  });

  it("names an unknown option of encode and decode", () => {
    expect(messageOf(() => parseEncodeOptions({ feature: true } as never))).toContain(
      'Expected one of features, ids, signal for the options of encode but received "feature".',
    );
    expect(messageOf(() => parseDecodeOptions({ ids: true } as never))).toContain('of decode but received "ids"');
  });
});
