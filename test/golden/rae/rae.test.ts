import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { evaluateReconstruction } from "../../../sdk/evaluation/index.ts";
import { readModel } from "../../../sdk/families/read-model.ts";
import { encodePng, loadTokenizer } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";
import { preparedDifference } from "../prepared.ts";
import { cases, writeTinyRae } from "./tiny.ts";

/** Against bytetriper/RAE's own code (make_rae.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));
const root = await mkdtemp(join(tmpdir(), "rae-"));
afterAll(() => rm(root, { recursive: true }));

describe.each(Object.keys(cases))("%s", (name) => {
  it("prepares, encodes and decodes pictures as its own repository does", async () => {
    const folder = await writeTinyRae(join(root, name), name);
    expect(await preparedDifference(folder, images, expected.crops!)).toBe(0);
    const tokenizer = await loadTokenizer(folder, { threads: 1 });
    try {
      expect(tokenizer.info).toMatchObject({
        codebook: null,
        decodes: "features",
        featureDim: 32,
        grid: { rows: 4, columns: 4 },
        inputSize: { width: 32, height: 32 },
        outputSize: { width: 32, height: 32 },
        licence: "mit",
      });
      const wanted = expected[`${name}.features`]!;
      const encoded = await tokenizer.encode(images);
      for (const [i, { features }] of encoded.entries()) {
        expect(largestDifference(features, rowOf(wanted, i))).toBeLessThan(5e-5);
      }
      const features = images.map((_, i) => Float32Array.from(rowOf(wanted, i)));
      for (const [i, { data }] of (await tokenizer.decode(features)).entries()) {
        // Truncation may fall either way.
        expect(largestDifference(data, rowOf(expected[`${name}.decoded`]!, i))).toBeLessThanOrEqual(1);
      }
      await expect(tokenizer.decode(new Int32Array(16))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    } finally {
      await tokenizer.dispose();
    }
  });
});

it("is measured like any other tokenizer, but for a codebook that it does not have", async () => {
  const tokenizer = await loadTokenizer(await writeTinyRae(join(root, "measured"), "dinov2"), { threads: 1 });
  try {
    const path = join(root, "picture.png");
    await writeFile(path, await encodePng(images[1]!));
    const report = await evaluateReconstruction(tokenizer, [{ path, label: "" }]);
    expect(report.codebook).toBeNull();
    expect(report.psnr.mean).toBeGreaterThan(3);
  } finally {
    await tokenizer.dispose();
  }
});

it.each([
  [{ encoder_input_size: 30 }, "dinov2", "INVALID_CONFIG", /a multiple of 7, the encoder's patch_size/],
  [{ encoder_input_size: 40 }, "siglip2", "INVALID_CONFIG", /32, the encoder's image_size/],
  [{ image_size: 30 }, "dinov2", "INVALID_CONFIG", /a multiple of 4, the tokens of a side/],
  [{ decoder_num_attention_heads: undefined }, "dinov2", "INVALID_CONFIG", /the heads of a decoder of width 48/],
  [{ decoder_patch_size: 16 }, "mae", "INVALID_CHECKPOINT", /decoder_pred/],
  [{ noise_tau: 0.8 }, "mae", "INVALID_CONFIG", /noise_tau/],
])("refuses %j", async (change, name, code, message) => {
  const folder = await writeTinyRae(await mkdtemp(join(root, "wrong-")), name);
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...cases[name]!.config, ...change }));
  await expect(readModel(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
