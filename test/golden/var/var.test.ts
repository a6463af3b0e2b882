import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { compareTokenizers } from "../../../sdk/evaluation/index.ts";
import { readModel } from "../../../sdk/families/read-model.ts";
import { blendOf } from "../../../sdk/families/vqgan/residual-codes.ts";
import { encodePng, hasCodebook, loadTokenizer } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";
import { preparedDifference } from "../prepared.ts";
import { writeWeights } from "../tokenizers/weights.ts";
import { phis, tensors, writeTinyVar } from "./tiny.ts";

/** Against FoundationVision/VAR's own code (make_var.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));
const root = await mkdtemp(join(tmpdir(), "var-"));
afterAll(() => rm(root, { recursive: true }));
const IDS = 1 + 4 + 9 + 16 + 25;

it("prepares, encodes and decodes pictures as its own repository does", async () => {
  const folder = await writeTinyVar(join(root, "tiny"));
  expect(await preparedDifference(folder, images, expected.crops!)).toBe(0);
  const tokenizer = await loadTokenizer(folder, { threads: 1 });
  try {
    if (!hasCodebook(tokenizer)) throw new Error("no codebook");
    const { info } = tokenizer;
    expect(info).toMatchObject({
      codebook: { size: 64, dim: 8, codesPerToken: 1 },
      featureDim: 8,
      grid: { rows: 5, columns: 5 },
      outputSize: { width: 80, height: 80 },
      licence: "mit",
    });
    expect(info.codebook?.scales?.map(({ rows, columns }) => [rows, columns])).toEqual(
      [1, 2, 3, 4, 5].map((side) => [side, side]),
    );
    const encoded = await tokenizer.encode(images);
    for (const [i, { ids, features }] of encoded.entries()) {
      expect(ids).toEqual(rowOf(expected.ids!, i));
      expect(features).toHaveLength(25 * 8);
    }
    const ids = images.map((_, i) => rowOf(expected.ids!, i) as Int32Array);
    for (const [i, { data }] of (await tokenizer.decode(ids)).entries()) {
      // Truncation may fall either way.
      expect(largestDifference(data, rowOf(expected.decoded!, i))).toBeLessThanOrEqual(1);
    }
    const refused = { code: "INVALID_ARGUMENT" };
    await expect(tokenizer.decode(ids[0]!.subarray(IDS - 25))).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(`${IDS} ids (1 rows of 1, 2 rows of 2, 3 rows of 3, 4 rows of 4, 5 rows of 5)`),
    });
    await expect(tokenizer.decode(Int32Array.from(ids[0]!).fill(64))).rejects.toMatchObject(refused);
  } finally {
    await tokenizer.dispose();
  }
});

it("gives each scale the convolution that numpy's ticks give it", () => {
  for (const [count, own] of Object.entries(phis)) {
    expect(own.map((_, i) => blendOf(i, Number(count)))).toEqual(own);
  }
});

it("counts the ids of all scales in a comparison", async () => {
  const folder = await writeTinyVar(join(root, "compared"));
  const path = join(root, "picture.png");
  await writeFile(path, await encodePng(images[1]!));
  const load = () => loadTokenizer(folder, { threads: 1 });
  const { comparison } = await compareTokenizers([{ name: "var", load }], [{ path, label: "" }]);
  expect(comparison.tokenizers[0]?.rate).toMatchObject({
    tokens: IDS,
    bitsPerCode: 6,
    bytes: Math.ceil((IDS * 6) / 8),
  });
});

it("is known by its tensors", async () => {
  const path = join(root, "alone.safetensors");
  await writeWeights(path, tensors);
  expect(await readModel(path)).toMatchObject({
    codebook: { size: 64, scales: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16] },
    image: { size: 256, resizeTo: 288, resample: "lanczos", centre: "pil" },
  });
});

it.each([
  [{ scales: undefined }, "INVALID_CONFIG", /sides of grids that grow up to 5/],
  [{ scales: [1, 2, 4] }, "INVALID_CONFIG", /sides of grids that grow up to 5/],
  [{ scales: [3, 2, 5] }, "INVALID_CONFIG", /sides of grids that grow up to 5/],
  [{ scales: [5] }, "INVALID_CONFIG", /scales/],
  [{ image_size: 72 }, "INVALID_CONFIG", /a multiple of 16/],
  [{ variant: "taming", scales: undefined }, "INVALID_CHECKPOINT", /attn.0.q.weight/],
  [{ variant: "taming" }, "INVALID_CONFIG", /nothing, for a tokenizer of one grid/],
])("refuses %j", async (change, code, message) => {
  const folder = await writeTinyVar(await mkdtemp(join(root, "wrong-")), change);
  await expect(readModel(folder)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

it("refuses another number of shared convolutions", async () => {
  const { "quantize.quant_resi.qresi_ls.3.weight": _, ...others } = tensors;
  const folder = await writeTinyVar(join(root, "few"), {}, others);
  await expect(readModel(folder)).rejects.toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringMatching(/4 convolutions .* received 3/),
  });
});
