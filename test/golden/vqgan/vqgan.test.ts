import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { planar } from "../../../sdk/image/planar.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { hasCodebook, VQRAE } from "../../../sdk/index.ts";
import { imageOf, largestDifference, readExpected, rowOf } from "../expected.ts";

/** Against transformers' modules and DeepSeek's ids (make_vqgan.py). */
const folder = join(import.meta.dirname, "janus");
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const images = [0, 1, 2].map((i) => imageOf(expected[`image.${i}`]!));

let tokenizer: VQRAE;
beforeAll(async () => {
  tokenizer = await VQRAE.load(folder, { threads: 1 });
});
afterAll(() => tokenizer.dispose());

describe("Janus' image tokenizer", () => {
  it("says what it is", () => {
    expect(tokenizer.info).toMatchObject({
      grid: { rows: 8, columns: 8 },
      inputSize: { width: 16, height: 16 },
      outputSize: { width: 16, height: 16 },
      featureDim: 32,
      codebook: { size: 64, dim: 4, codesPerToken: 1 },
      decodes: "ids",
      projector: null,
    });
  });

  it("gives the processor's pixels", async () => {
    const { image } = await readModel(folder);
    const pixels = images.map((one) => preprocess(one, image));
    const actual = planar(pixels, image.mean, image.std);
    expect(largestDifference(actual, expected.pixel_values!.data)).toBeLessThan(1e-6);
  });

  it("encodes to the same features and ids", async () => {
    if (!hasCodebook(tokenizer)) throw new Error("no codebook");
    const encoded = await tokenizer.encode(images);
    for (const [i, { features, ids }] of encoded.entries()) {
      expect(largestDifference(features, rowOf(expected.latent!, i))).toBeLessThan(1e-4);
      expect(ids).toEqual(rowOf(expected.ids!, i));
    }
  });

  it("looks up the same codes, of unit length", async () => {
    const all = await tokenizer.codebookVectors(Array.from({ length: 64 }, (_, id) => id));
    expect(largestDifference(all, expected.codes!.data)).toBeLessThan(1e-6);
  });

  it("decodes to the same pixels", async () => {
    const decoded = await tokenizer.decode(images.map((_, i) => rowOf(expected.ids!, i) as Int32Array));
    for (const [i, { data }] of decoded.entries()) {
      expect(largestDifference(data, rowOf(expected.decoded!, i))).toBeLessThanOrEqual(1); // truncation may fall either way
    }
  });

  it("refuses 8 bits, which there is nothing for, and a projector", async () => {
    const { withProjector, selectFeatures } = await readModel(folder);
    expect(() => selectFeatures({ layer: 1 })).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
    expect(() => withProjector({ info: { modelId: "p" } } as never)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED" }),
    );
    await expect(VQRAE.load(folder, { precision: "int8" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});
