import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { hasCodebook, loadTokenizer } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";
import { preparedDifference } from "../prepared.ts";
import { writeWeights } from "../tokenizers/weights.ts";
import { shapes, writeTinyUnitok } from "./tiny.ts";

/** Against FoundationVision/UniTok's own code (make_unitok.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));
const root = await mkdtemp(join(tmpdir(), "unitok-"));
afterAll(() => rm(root, { recursive: true }));

it("prepares, encodes and decodes pictures as its own repository does", async () => {
  const folder = await writeTinyUnitok(join(root, "tiny"));
  expect(await preparedDifference(folder, images, expected.crops!)).toBe(0);
  const tokenizer = await loadTokenizer(folder, { threads: 1 });
  try {
    if (!hasCodebook(tokenizer)) throw new Error("no codebook");
    expect(tokenizer.info).toMatchObject({
      codebook: { size: 16, dim: 8, codesPerToken: 4 },
      featureDim: 128,
      grid: { rows: 4, columns: 4 },
      outputSize: { width: 64, height: 64 },
      licence: "mit",
    });
    const encoded = await tokenizer.encode(images);
    for (const [i, { features, ids }] of encoded.entries()) {
      expect(largestDifference(features, rowOf(expected.features!, i))).toBeLessThan(5e-5);
      expect(ids).toEqual(rowOf(expected.ids!, i));
    }
    const decoded = await tokenizer.decode(images.map((_, i) => rowOf(expected.ids!, i) as Int32Array));
    for (const [i, { data }] of decoded.entries()) {
      expect(largestDifference(data, rowOf(expected.decoded!, i))).toBeLessThanOrEqual(1);
    }
    await expect(tokenizer.decode(new Int32Array(16))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("64 ids (4 rows of 4 tokens of 4)"),
    });
  } finally {
    await tokenizer.dispose();
  }
});

it("each code of a token has a codebook of its own", async () => {
  const tokenizer = await loadTokenizer(await writeTinyUnitok(join(root, "rows")), { threads: 1 });
  try {
    const rows = await tokenizer.codebookVectors([3, 3, 3, 3, 3]);
    const row = (i: number) => [...rows.subarray(i * 8, (i + 1) * 8)];
    expect(row(4)).toEqual(row(0));
    expect(row(1)).not.toEqual(row(0));
  } finally {
    await tokenizer.dispose();
  }
});

it("is known by its tensors; another width is refused with what it has", async () => {
  const path = join(root, "alone.safetensors");
  await writeWeights(path, shapes);
  expect(await readModel(path)).toMatchObject({
    codebook: { size: 16, codesPerToken: 4 },
    image: { size: 256, resizeTo: 288 },
  });
  const missing = Object.fromEntries(
    Object.entries(shapes).filter(([name]) => !name.startsWith("quantizer.codebooks.3.")),
  );
  await writeWeights(path, missing);
  await expect(readModel(path)).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("codes of 32 numbers in 3 codebooks"),
  });
});
