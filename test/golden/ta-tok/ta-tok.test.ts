import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { loadTokenizer } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";
import { preparedDifference } from "../prepared.ts";
import { writeWeights } from "../tokenizers/weights.ts";
import { shapes, writeTinyTaTok } from "./tiny.ts";

/** Against csuhan/Tar's own code (make_ta_tok.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));
const root = await mkdtemp(join(tmpdir(), "ta-tok-"));
afterAll(() => rm(root, { recursive: true }));

describe.each([
  [1, 8],
  [2, 4],
  [3, 2],
])("pool scale %i", (scale, side) => {
  it("prepares and encodes pictures, and gives features of ids, as its own repository does", async () => {
    const folder = await writeTinyTaTok(join(root, `scale-${scale}`), { pool_scale: scale });
    expect(await preparedDifference(folder, images, expected.prepared!)).toBe(0);
    const tokenizer = await loadTokenizer(folder, { threads: 1 });
    try {
      expect(tokenizer.info).toMatchObject({
        codebook: { size: 64, dim: 24, codesPerToken: 1 },
        decodes: null,
        featureDim: 48,
        grid: { rows: side, columns: side },
        inputSize: { width: 50, height: 50 },
        licence: "apache-2.0",
      });
      expect(tokenizer.decodedFeatureDim).toBe(48);
      for (const [i, { features, ids }] of (await tokenizer.encode(images)).entries()) {
        expect(largestDifference(features, rowOf(expected[`${scale}.features`]!, i))).toBeLessThan(5e-5);
        expect(ids).toEqual(rowOf(expected[`${scale}.ids`]!, i));
      }
      const ids = images.map((_, i) => rowOf(expected[`${scale}.ids`]!, i) as Int32Array);
      const decoded = await tokenizer.decodeFeatures(ids);
      for (const [i, features] of decoded.entries()) {
        expect(largestDifference(features, rowOf(expected[`${scale}.decoded`]!, i))).toBeLessThan(5e-5);
      }
      expect(largestDifference(await tokenizer.decodeFeatures(ids[1]!), decoded[1]!)).toBeLessThan(1e-5);
    } finally {
      await tokenizer.dispose();
    }
  });

  it("gives the inference scripts' ids of a picture that has the encoder's size", async () => {
    const folder = await writeTinyTaTok(join(root, `inference-${scale}`), { pool_scale: scale, resample: "bilinear" });
    const tokenizer = await loadTokenizer(folder, { threads: 1 });
    try {
      const { ids } = await tokenizer.encode(images[0]!, { features: false });
      expect(ids).toEqual(rowOf(expected[`${scale}.inference_ids`]!, 0));
    } finally {
      await tokenizer.dispose();
    }
  });
});

it("is known by its tensors; ids that are none, and other work, are refused", async () => {
  const path = join(root, "alone.safetensors");
  const wide = Object.entries(shapes).map(([name, shape]) => [
    name,
    name === "encoder.embeddings.patch_embedding.weight"
      ? [48, 3, 14, 14]
      : name === "encoder.embeddings.position_embedding.weight"
        ? [729, 48]
        : shape,
  ]);
  await writeWeights(path, Object.fromEntries(wide));
  expect(await readModel(path)).toMatchObject({ encoder: { grid: 27 }, image: { size: 384, resample: "bicubic" } });

  const tokenizer = await loadTokenizer(await writeTinyTaTok(join(root, "refuses")), { threads: 1 });
  try {
    const ids = new Int32Array(64);
    await expect(tokenizer.decode(ids)).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(tokenizer.decodeFeatures(ids.subarray(1))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("64 ids (8 rows of 8)"),
    });
    ids[5] = 64;
    await expect(tokenizer.decodeFeatures([new Int32Array(64), ids])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      index: 1,
    });
  } finally {
    await tokenizer.dispose();
  }
});

it.each([
  [{ num_attention_heads: 5 }, "INVALID_CONFIG", /a divisor of 48, the width,/],
  [{ decoder_num_attention_heads: 7 }, "INVALID_CONFIG", /a divisor of 48, the width,/],
  [{ pool_scale: 4 }, "INVALID_CONFIG", /1, 2 or 3/],
  [{ image_size: 60 }, "INVALID_CHECKPOINT", /position_embedding/],
  [{ patch_size: 8 }, "INVALID_CHECKPOINT", /patch_embedding/],
])("refuses %j", async (change, code, message) => {
  const folder = await writeTinyTaTok(await mkdtemp(join(root, "wrong-")), change);
  await expect(readModel(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});
