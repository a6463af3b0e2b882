import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { planar } from "../../../sdk/image/planar.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { hasCodebook, loadTokenizer } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";
import { shapes, tinyVariants, writeTiny, writeWeights } from "./weights.ts";

/** Against the original repositories' own code (make_tokenizers.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokenizers-"));
});
afterAll(() => rm(folder, { recursive: true }));

const tiny = (variant: string) => writeTiny(join(folder, variant), variant);

it("covers every variant", () => {
  expect(Object.keys(shapes).sort()).toEqual([...tinyVariants].sort());
});

describe.each(tinyVariants)("%s", (variant) => {
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
      expect(tokenizer.info).toMatchObject({ grid: { rows: 8, columns: 8 }, decodes: "ids" });
      expect(tokenizer.info.codebook).toMatchObject(
        variant === "bitdance" ? { size: 2, dim: 1, codesPerToken: 32 } : { size: 64, codesPerToken: 1 },
      );
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
  it.each(tinyVariants.filter((name) => name !== "emu3.5"))("%s is known by its tensors", async (variant) => {
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

  it("of a decoder that takes noise is refused by name, and so is a variant of other numbers a token", async () => {
    const path = join(folder, "noise.safetensors");
    const wide = shapes.bitdance!["decoder.conv_in.weight"]!.with(1, 64);
    await writeWeights(path, { ...shapes.bitdance!, "decoder.conv_in.weight": wide });
    await expect(loadTokenizer(path)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringMatching(/gan_decoder/),
    });
    const other = join(folder, "other");
    await writeTiny(other, "bitdance");
    await writeFile(join(other, "config.json"), JSON.stringify({ model_type: "lfq", variant: "open-magvit2" }));
    await expect(loadTokenizer(other)).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(/have 32 numbers/),
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
