import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LoadProgress, VQRAE } from "../../../sdk/index.ts";
import { largestDifference } from "../../golden/expected.ts";
import { picture, tinyEncoder, tinyVqrae } from "./fixtures/tiny.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-load-"));
});
afterAll(() => rm(folder, { recursive: true }));

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable("it loaded"),
    (error: unknown) => error as Error & { code: string },
  );

describe("VQRAE.load", () => {
  it("describes what it loaded, and the description is frozen", async () => {
    await using tokenizer = await VQRAE.load(tinyVqrae);
    expect(tokenizer.specificationVersion).toBe("v1");
    expect(tokenizer.info).toMatchObject({
      modelId: "vqrae-two-layers",
      device: "cpu",
      precision: "fp32",
      licence: null,
      decodes: "ids",
      codebook: { size: expect.any(Number), dim: expect.any(Number), codesPerToken: 1 },
    });
    const { info } = tokenizer;
    for (const part of [info, info.grid, info.inputSize, info.outputSize, info.codebook]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("loads an encoder alone", async () => {
    await using tokenizer = await VQRAE.load(tinyEncoder);
    expect(tokenizer.info).toMatchObject({ codebook: null, outputSize: null });
  });

  const phases = ["checkpoint", "device", "graphs", "session"] as const;
  it.each([
    ["fp32", "the first time", {}, phases],
    ["int8", "the first time", {}, ["checkpoint", "quantize", ...phases.slice(1)]],
    ["int8", "from the cache", {}, ["checkpoint", "quantize", ...phases.slice(1)]],
    [
      "fp32",
      "with all there is",
      { warmup: true, checkWeights: true },
      ["checkpoint", "weights", ...phases.slice(1), "warmup"],
    ],
  ] as const)("reports its progress in order: %s, %s", async (precision, _, more, phases) => {
    const seen: LoadProgress[] = [];
    const onProgress = (progress: LoadProgress) => void seen.push(progress);
    const options = { device: "cpu", precision, cacheDir: folder, onProgress, ...more } as const;
    await using _tokenizer = await VQRAE.load(tinyVqrae, options);
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(phases);
    for (const phase of phases) {
      const steps = seen.filter((progress) => progress.phase === phase);
      expect(steps[0]!.loaded).toBe(0);
      expect(steps.at(-1)!.loaded).toBe(steps.at(-1)!.total);
    }
  });

  it("passes on what onProgress throws", async () => {
    const reason = new Error("on purpose");
    const onProgress = ({ phase }: LoadProgress) => {
      if (phase === "session") throw reason;
    };
    expect(await failure(VQRAE.load(tinyVqrae, { onProgress }))).toBe(reason);
  });

  it("says what it looked for where there is no folder", async () => {
    const missing = await failure(VQRAE.load("nobody/no-such-model"));
    expect(missing.code).toBe("CHECKPOINT_NOT_FOUND");
    expect(missing.message).toContain(join(process.cwd(), "nobody", "no-such-model"));
    expect(missing.message).toContain("download the checkpoint and pass its folder");
    const file = join(folder, "a-file");
    await writeFile(file, "");
    expect(await failure(VQRAE.load(file))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    expect(await failure(VQRAE.load(folder))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });

  it.each([undefined, null, 5, "", {}])("refuses %o as a source", async (source) => {
    expect(await failure(VQRAE.load(source as never))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("names a wrong option", async () => {
    const error = await failure(VQRAE.load(tinyVqrae, { thread: 1 } as never));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining('"thread"') });
  });

  it("obeys a signal before and during loading", async () => {
    const reason = new Error("enough");
    expect(await failure(VQRAE.load(tinyVqrae, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    for (const phase of ["checkpoint", "device", "graphs", "session"]) {
      const controller = new AbortController();
      const onProgress = (progress: LoadProgress) => {
        if (progress.phase === phase) controller.abort(reason);
      };
      expect(await failure(VQRAE.load(tinyVqrae, { signal: controller.signal, onProgress }))).toBe(reason);
    }
  });

  it("gives the same numbers prepacked, but for rounding", async () => {
    await using plain = await VQRAE.load(tinyVqrae);
    await using prepacked = await VQRAE.load(tinyVqrae, { prepack: true });
    const [a, b] = await Promise.all([plain, prepacked].map((tokenizer) => tokenizer.encode(picture(20, 12))));
    expect(largestDifference(b!.features!, a!.features!)).toBeLessThan(1e-5);
  });

  it.each(["webgpu", "cuda"] as const)("refuses int8 on %s", async (device) => {
    const error = await failure(VQRAE.load(tinyVqrae, { device, precision: "int8" }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(`"${device}"`) });
  });

  // A machine may have the device; without it there is a typed error, and never a crash.
  it.each(["webgpu", "cuda"] as const)("uses %s or says how to get it", async (device) => {
    const outcome = await VQRAE.load(tinyVqrae, { device }).catch((error: unknown) => error);
    if (outcome instanceof VQRAE) {
      expect(outcome.info.device).toBe(device);
      await outcome.dispose();
    } else {
      expect(outcome).toMatchObject({ code: "MISSING_DEPENDENCY", message: expect.stringContaining('device "cpu"') });
    }
  });
});
