import { InvalidArgumentError, InvalidPromptError, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { generateImage } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVqrae, type VqraeProvider } from "../../../adapters/ai-sdk/index.ts";
import { readImage } from "../../../sdk/index.ts";
import { maskedPng } from "../../helpers/masked-png.ts";
import { loadTinyModels, type TinyModels } from "../../helpers/tiny-endpoint.ts";

let models: TinyModels;
let vqrae: VqraeProvider;
beforeAll(async () => {
  models = await loadTinyModels();
  vqrae = createVqrae({ imageModels: { tiny: models.generator } });
}, 180_000);
afterAll(() => models[Symbol.asyncDispose]());

const generate = (options: object = {}) =>
  generateImage({ model: vqrae.imageModel(), prompt: "a cat", maxRetries: 0, ...options });

describe("generateImage", () => {
  it("gives the generator's images, as many as asked for, each as its seed draws it alone", async () => {
    const expected = await Promise.all([5, 6, 7].map((seed) => models.generator.generateImages("a cat", { seed })));
    const { images, providerMetadata, warnings } = await generate({ n: 3, seed: 5, size: "16x16", aspectRatio: "1:1" });
    expect(images).toHaveLength(3);
    for (const [i, image] of images.entries()) {
      expect(image.mediaType).toBe("image/png");
      expect((await readImage(image.uint8Array)).data).toEqual(new Uint8Array(expected[i]![0]!.image.data));
    }
    const told = providerMetadata.vqrae!.images as unknown as { seed: number; ids: number[] }[];
    expect(told.map(({ seed }) => seed)).toEqual([5, 6, 7]);
    expect(told.map(({ ids }) => ids)).toEqual(expected.map(([image]) => [...image!.ids]));
    expect(warnings).toEqual([]);
  });

  it("warns of another aspect ratio", async () => {
    const { warnings } = await generate({ seed: 1, aspectRatio: "16:9" });
    expect(warnings).toEqual([
      { type: "unsupported", feature: "aspectRatio", details: expect.stringContaining("16x16") },
    ]);
  });

  it("draws what a mask leaves free of an image, as the generator does", async () => {
    const image = await maskedPng(32, 32, () => false);
    const mask = await maskedPng(32, 32, (x) => x < 8);
    const [expected] = await models.generator.generateImages("a cat", { seed: 5, editImage: { image, mask } });
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
    for (const prompt of [
      { text: "a cat", images: [image], mask },
      { text: "a cat", images: [base64(image)], mask: base64(mask) },
      { text: "a cat", images: [`data:image/png;base64,${base64(image)}`], mask },
    ]) {
      const { providerMetadata, warnings } = await generate({ prompt, seed: 5 });
      expect((providerMetadata.vqrae!.images as unknown as { ids: number[] }[])[0]!.ids).toEqual([...expected!.ids]);
      expect(warnings).toEqual([]);
    }
    const { warnings } = await generate({ prompt: { text: "a cat", images: [image] }, seed: 5 });
    expect(warnings).toEqual([{ type: "other", message: expect.stringContaining("Without a mask") }]);
  });

  it("keeps a share of an image's rows, without words too", async () => {
    const image = await maskedPng(32, 32, () => false);
    const continueImage = { image, rows: 3 };
    const [expected] = await models.generator.generateImages("", { seed: 5, continueImage });
    const providerOptions = { vqrae: { keep: 0.75 } };
    const { providerMetadata, warnings } = await generate({ prompt: { images: [image] }, seed: 5, providerOptions });
    expect((providerMetadata.vqrae!.images as unknown as { ids: number[] }[])[0]!.ids).toEqual([...expected!.ids]);
    expect(warnings).toEqual([]);
  });

  it("keeps the likeliest of several drawings", async () => {
    const [expected] = await models.generator.generateImages("a cat", { seed: 5, bestOf: 3 });
    const providerOptions = { vqrae: { bestOf: 3 } };
    const { providerMetadata } = await generate({ prompt: "a cat", seed: 5, providerOptions });
    expect(providerMetadata.vqrae!.images).toEqual([{ seed: expected!.seed, ids: [...expected!.ids] }]);
  });

  it("obeys a signal", async () => {
    const reason = new DOMException("enough", "AbortError");
    await expect(generate({ abortSignal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each<[string, object, { isInstance(error: unknown): boolean }]>([
    ["another size", { size: "1024x1024" }, InvalidArgumentError],
    ["a negative seed", { seed: -1 }, InvalidArgumentError],
    ["what is no image", { prompt: { text: "a cat", images: [Uint8Array.of(1)] } }, InvalidPromptError],
    [
      "two images",
      { prompt: { text: "a cat", images: [Uint8Array.of(1), Uint8Array.of(2)] } },
      UnsupportedFunctionalityError,
    ],
    ["all rows", { providerOptions: { vqrae: { keep: 1 } } }, InvalidArgumentError],
    ["another option", { providerOptions: { vqrae: { strength: 1 } } }, InvalidArgumentError],
    ["no drawing", { providerOptions: { vqrae: { bestOf: 0 } } }, InvalidArgumentError],
    ["rows of no image", { providerOptions: { vqrae: { keep: 0.5 } } }, InvalidArgumentError],
  ])("refuses %s", async (_name, options, type) => {
    const error = await generate(options).catch((thrown: unknown) => thrown);
    expect(type.isInstance(error)).toBe(true);
  });
});
