import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { vqganVariantNames } from "../../../sdk/families/vqgan/variants.ts";
import { planar } from "../../../sdk/image/planar.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { hasCodebook, loadTokenizer } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";
import { shapes, writeWeights } from "./weights.ts";

/** Against the original repositories' own code (make_tokenizers.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokenizers-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The tiny model with pictures of 32 pixels, which its config.json says. */
async function tiny(variant: string): Promise<string> {
  const own = join(folder, variant);
  await mkdir(own, { recursive: true });
  await writeWeights(join(own, "model.safetensors"), shapes[variant]!);
  await writeFile(join(own, "config.json"), JSON.stringify({ model_type: "vqgan", variant, image_size: 32 }));
  return own;
}

it("covers every variant", () => {
  expect(Object.keys(shapes).sort()).toEqual([...vqganVariantNames].sort());
});

describe.each(vqganVariantNames)("%s", (variant) => {
  it("prepares, encodes and decodes pictures as its own repository does", async () => {
    const source = await tiny(variant);
    const { image } = await readModel(source);
    const pixels = planar(
      images.map((one) => preprocess(one, image)),
      image.mean,
      image.std,
    );
    const wanted = expected[`${variant}.pixels`]!.data; // [n, h, w, 3]
    const side = 32;
    const actual = wanted.map((_, at) => {
      const [n, place, channel] = [Math.floor(at / (side * side * 3)), Math.floor(at / 3) % (side * side), at % 3];
      return pixels[(n * 3 + channel) * side * side + place]!;
    });
    expect(largestDifference(actual, wanted)).toBeLessThan(1e-6);

    const tokenizer = await loadTokenizer(source, { threads: 1 });
    try {
      if (!hasCodebook(tokenizer)) throw new Error("no codebook");
      expect(tokenizer.info).toMatchObject({ grid: { rows: 8, columns: 8 }, codebook: { size: 64 }, decodes: "ids" });
      expect(tokenizer.info.licence).not.toBeNull();
      const encoded = await tokenizer.encode(images);
      for (const [i, { ids }] of encoded.entries()) expect(ids).toEqual(rowOf(expected[`${variant}.ids`]!, i));
      const decoded = await tokenizer.decode(images.map((_, i) => rowOf(expected[`${variant}.ids`]!, i) as Int32Array));
      for (const [i, { data }] of decoded.entries()) {
        // Truncation may fall either way.
        expect(largestDifference(data, rowOf(expected[`${variant}.decoded`]!, i))).toBeLessThanOrEqual(1);
      }
    } finally {
      await tokenizer.dispose();
    }
  });
});

describe("a file of weights without config.json", () => {
  it.each(vqganVariantNames.filter((name) => name !== "emu3.5"))("%s is known by its tensors", async (variant) => {
    const path = join(folder, `${variant}.safetensors`);
    await writeWeights(path, shapes[variant]!);
    const own = await readModel(path);
    const named = await readModel(await tiny(variant));
    expect({ ...own.image, size: 0, resizeTo: 0 }).toEqual({ ...named.image, size: 0, resizeTo: 0 });
    expect(own.licence).toBe(named.licence);
    expect(own.codebook).toEqual(named.codebook);
  });

  it("of something else says what was looked at, and what for", async () => {
    const path = join(folder, "other.safetensors");
    await writeWeights(path, { "layers.0.weight": [2, 3], "layers.0.bias": [2] });
    await expect(loadTokenizer(path)).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringContaining("2 tensors: layers.0.bias [2], layers.0.weight [2, 3]"),
    });
  });

  it("of another size names the tensor", async () => {
    const path = join(folder, "short.safetensors");
    const { "decoder.conv_out.bias": _, ...others } = shapes.taming!;
    await writeWeights(path, others);
    await expect(loadTokenizer(path)).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringContaining("decoder.conv_out.bias"),
    });
  });
});
