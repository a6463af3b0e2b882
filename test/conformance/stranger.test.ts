import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it, test } from "vitest";
import { defineEncoder } from "../../sdk/kit.ts";
import { conformanceTests } from "../../sdk/testing/index.ts";
import { loadColours } from "./colours.ts";

describe("docs/testing.md's encoder of your own", () => {
  for (const { name, run } of conformanceTests(loadColours)) test(name, run);

  it("is the one in the guide", async () => {
    const source = await readFile(new URL("./colours.ts", import.meta.url), "utf8");
    const guide = await readFile(new URL("../../docs/testing.md", import.meta.url), "utf8");
    const body = source.slice(source.indexOf("const grid")).trim().replace("export const", "const");
    expect(guide).toContain(body);
  });
});

const one = { rows: 1, columns: 1 };

/** A codebook of two codes, ids as bits, and work that takes its time. */
const slow = () =>
  defineEncoder({
    info: {
      modelId: "slow",
      inputSize: null,
      grid: one,
      maxTokens: 1,
      featureDim: null,
      codebook: { size: 2 ** 40, dim: 40, codesPerToken: 1 },
    },
    async encode({ data }, { signal }) {
      await wait(2, undefined, { signal });
      const sum = Array.from(data).reduce((total, level) => total + level, 0);
      return { grid: one, ids: Uint8Array.from({ length: 40 }, (_, bit) => Math.floor(sum / 2 ** bit) % 2) };
    },
  });

describe("an encoder of bits alone", () => {
  for (const { name, run } of conformanceTests(slow)) test(name, run);
});

describe("defineEncoder", () => {
  const image = { data: new Uint8Array(3), width: 1, height: 1 };

  it("fills in what runs it, and keeps what it is told", () => {
    expect(loadColours().info).toMatchObject({ modelId: "colours", licence: null, device: "cpu", precision: "fp32" });
    const { info } = defineEncoder({
      info: {
        modelId: "m",
        licence: "mit",
        inputSize: null,
        grid: one,
        maxTokens: 1,
        featureDim: 1,
        codebook: null,
      },
      encode: () => ({ grid: one, features: new Float32Array(1) }),
    });
    expect(info.licence).toBe("mit");
  });

  it("gives no more than was asked for", async () => {
    const both = defineEncoder({
      info: {
        modelId: "both",
        inputSize: null,
        grid: one,
        maxTokens: 1,
        featureDim: 1,
        codebook: { size: 1, dim: 1, codesPerToken: 1 },
      },
      encode: () => ({ grid: one, features: new Float32Array(1), ids: new Int32Array(1) }),
    });
    expect(Object.keys(await both.encode(image, { ids: false }))).toEqual(["grid", "features"]);
    expect(Object.keys(await both.encode(image, { features: false }))).toEqual(["grid", "ids"]);
  });

  it("disposes once, after the last call", async () => {
    const seen: string[] = [];
    const encoder = defineEncoder({
      info: { modelId: "m", inputSize: null, grid: one, maxTokens: 1, featureDim: 1, codebook: null },
      async encode() {
        await wait(5);
        seen.push("encoded");
        return { grid: one, features: new Float32Array(1) };
      },
      dispose() {
        seen.push("disposed");
      },
    });
    const pending = encoder.encode(image);
    await wait(1);
    await Promise.all([encoder[Symbol.asyncDispose](), encoder[Symbol.asyncDispose]()]);
    await pending;
    expect(seen).toEqual(["encoded", "disposed"]);
  });
});
