import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { type ImageTokens, VQRAE } from "../../../sdk/index.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { readNpz } from "./read-npz.ts";
import { inFolder, photo, runCli, tinyEncoder, tinyModel } from "./run-cli.ts";

const other = fileURLToPath(new URL("../../../examples/images/cat.jpg", import.meta.url));
const images = [photo, other];
let expected: ImageTokens[];

/** Vitest gives hooks 10 s; loading a model on a busy machine may take longer. */
const LOAD_TIMEOUT_MS = 60_000;

beforeAll(async () => {
  const tokenizer = await VQRAE.load(tinyModel);
  expected = await tokenizer.encode(images);
  await tokenizer.dispose();
}, LOAD_TIMEOUT_MS);

describe("JSON", () => {
  test("ids on standard output by default, and nothing on standard error", async () => {
    const { code, stdout, stderr } = await runCli("encode", ...images, "--model", tinyModel);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({
      model: "vqrae-two-layers",
      grid: { rows: 4, columns: 4 },
      featureDim: 32,
      codebook: { size: 64, dim: 16, codesPerToken: 1 },
      images: images.map((image, i) => ({ image, ids: [...expected[i]!.ids!] })),
    });
  });

  test("features come back exactly, as [tokens][dim]", async () => {
    const { stdout } = await runCli("encode", photo, "--features", "--model", tinyModel);
    const [{ ids, features, classToken }] = JSON.parse(stdout).images;
    expect(ids).toBeUndefined();
    expect(features).toHaveLength(16);
    expect(Float32Array.from(features.flat())).toEqual(expected[0]!.features);
    expect(Float32Array.from(classToken)).toEqual(expected[0]!.classToken);
  });

  test("a model without codebook gives features by default", async () => {
    const { stdout } = await runCli("encode", photo, "--model", tinyEncoder);
    const { codebook, images } = JSON.parse(stdout);
    expect(codebook).toBeNull();
    expect([images[0].features.length, images[0].features[0].length, images[0].ids]).toEqual([9, 16, undefined]);
  });

  test("--out writes the same text to a file", () =>
    inFolder(async (folder) => {
      const out = join(folder, "tokens.json");
      await runCli("encode", ...images, "--model", tinyModel, "--out", out);
      expect(await readFile(out, "utf8")).toBe((await runCli("encode", ...images, "--model", tinyModel)).stdout);
    }));
});

describe("arrays", () => {
  test("npz holds ids, features, class tokens, the grid and the names", () =>
    inFolder(async (folder) => {
      const out = join(folder, "tokens.npz");
      const { code, stdout } = await runCli("encode", ...images, "--model", tinyModel, "--out", out);
      expect([code, stdout]).toEqual([0, `${out}: 16 ids and 16 x 32 features for each of 2 images\n`]);
      expect(readNpz(await readFile(out))).toEqual({
        grid: { descr: "<i4", shape: [2], data: Int32Array.of(4, 4) },
        ids: { descr: "<i4", shape: [2, 16], data: Int32Array.from(expected.flatMap(({ ids }) => [...ids!])) },
        features: { descr: "<f4", shape: [2, 16, 32], data: stacked("features") },
        class_token: { descr: "<f4", shape: [2, 32], data: stacked("classToken") },
        images: { descr: expect.stringMatching(/^<U\d+$/), shape: [2], data: images },
        model: { descr: "<U16", shape: [1], data: ["vqrae-two-layers"] },
      });
    }));

  test("the same tokens give the same bytes", () =>
    inFolder(async (folder) => {
      const [a, b] = [join(folder, "a.npz"), join(folder, "b.npz")] as const;
      await runCli("encode", photo, "--model", tinyModel, "--out", a);
      await runCli("encode", photo, "--model", tinyModel, "--out", b);
      expect(await readFile(a)).toEqual(await readFile(b));
    }));

  test("safetensors holds the same, names in its metadata; --json sums it up", () =>
    inFolder(async (folder) => {
      const out = join(folder, "tokens.safetensors");
      const { stdout } = await runCli("encode", ...images, "--ids", "--model", tinyModel, "--out", out, "--json");
      expect(JSON.parse(stdout)).toEqual({
        model: "vqrae-two-layers",
        out,
        images: 2,
        grid: { rows: 4, columns: 4 },
        ids: { codebook: { size: 64, dim: 16, codesPerToken: 1 } },
        features: null,
      });
      const { metadata, tensors } = await openSafetensors(out);
      expect(metadata).toEqual({ model: "vqrae-two-layers", images: JSON.stringify(images) });
      expect([...tensors.keys()].sort()).toEqual(["grid", "ids"]);
      const { dtype, shape, offset, length } = tensors.get("ids")!;
      expect([dtype, shape]).toEqual(["I32", [2, 16]]);
      const bytes = (await readFile(out)).subarray(offset, offset + length);
      expect(new Int32Array(new Uint8Array(bytes).buffer)).toEqual(
        Int32Array.from(expected.flatMap(({ ids }) => [...ids!])),
      );
    }));
});

test("--verbose says on standard error how far it is", async () => {
  const { stderr } = await runCli("encode", photo, "--model", tinyModel, "--verbose");
  expect(stderr.split("\n")).toContain("encoding: 0 of 1 images");
});

test("a file whose name starts with a dash follows --", async () => {
  const { stderr } = await runCli("encode", "--model", tinyModel, "--", "--help");
  expect(stderr).toContain("--help");
});

function stacked(output: "features" | "classToken"): Float32Array {
  return Float32Array.from(expected.flatMap((tokens) => [...tokens[output]!]));
}
