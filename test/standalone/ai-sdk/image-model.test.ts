import { InvalidArgumentError, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { generateImage } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createVqrae, type VqraeProvider } from "../../../adapters/ai-sdk/index.ts";
import { readImage } from "../../../sdk/index.ts";
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
  it("gives the generator's images, as many as asked for, by seed", async () => {
    const expected = await models.generator.generateImages("a cat", { n: 3, seed: 5 });
    const { images, providerMetadata, warnings } = await generate({ n: 3, seed: 5, size: "16x16", aspectRatio: "1:1" });
    expect(images).toHaveLength(3);
    for (const [i, image] of images.entries()) {
      expect(image.mediaType).toBe("image/png");
      expect((await readImage(image.uint8Array)).data).toEqual(new Uint8Array(expected[i]!.image.data));
    }
    const told = providerMetadata.vqrae!.images as unknown as { seed: number; ids: number[] }[];
    expect(told.map(({ seed }) => seed)).toEqual([5, 6, 7]);
    expect(told[1]!.ids).toEqual([...expected[1]!.ids]);
    expect(warnings).toEqual([]);
  });

  it("warns of another aspect ratio", async () => {
    const { warnings } = await generate({ seed: 1, aspectRatio: "16:9" });
    expect(warnings).toEqual([
      { type: "unsupported", feature: "aspectRatio", details: expect.stringContaining("16x16") },
    ]);
  });

  it("obeys a signal", async () => {
    const reason = new DOMException("enough", "AbortError");
    await expect(generate({ abortSignal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each<[string, object, { isInstance(error: unknown): boolean }]>([
    ["another size", { size: "1024x1024" }, InvalidArgumentError],
    ["a negative seed", { seed: -1 }, InvalidArgumentError],
    ["an image to edit", { prompt: { text: "a cat", images: [Uint8Array.of(1)] } }, UnsupportedFunctionalityError],
  ])("refuses %s", async (_name, options, type) => {
    const error = await generate(options).catch((thrown: unknown) => thrown);
    expect(type.isInstance(error)).toBe(true);
  });
});
