import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { preprocess } from "../../../sdk/image/preprocess.ts";
import { resize } from "../../../sdk/image/resize/resize.ts";
import { type RgbImage, readImage, VQRAE } from "../../../sdk/index.ts";
import { picture, tinyEncoder, tinyVqrae } from "./fixtures/tiny.ts";

const photo = fileURLToPath(new URL("../../../examples/images/cat.jpg", import.meta.url));
let tokenizer: VQRAE;

beforeAll(async () => {
  tokenizer = await VQRAE.load(tinyVqrae, { threads: 1 });
});
afterAll(() => tokenizer.dispose());

/** What the encoder sees of an image, at the decoder's size. */
async function wanted(image: RgbImage): Promise<RgbImage> {
  const { width, height } = tokenizer.info.outputSize!;
  return resize(preprocess(image, (await readModel(tinyVqrae)).image), width, height, "bicubic");
}

describe("reconstructionTarget", () => {
  it.each([
    ["wide", 61, 33],
    ["tall", 20, 90],
    ["the encoder's own size", 32, 32],
    ["one pixel", 1, 1],
  ])("is the encoder's view at outputSize: %s", async (_, width, height) => {
    const image = picture(width, height);
    const target = await tokenizer.reconstructionTarget(image);
    expect(target).toEqual(await wanted(image));
    expect(target).toMatchObject(tokenizer.info.outputSize!);
    expect(image.data).toHaveLength(width * height * 3); // the caller's pixels were not handed over
  });

  it("takes every kind of image, and pairs with what decode gives", async () => {
    const target = await tokenizer.reconstructionTarget(photo);
    expect(target).toEqual(await wanted(await readImage(photo)));
    const { ids } = await tokenizer.encode(photo);
    const { data, width, height } = await tokenizer.decode(ids!);
    expect([width, height, data.length]).toEqual([target.width, target.height, target.data.length]);
  });

  it("serves many calls at once, beside encode", async () => {
    const images = Array.from({ length: 12 }, (_, i) => picture(40 + i, 30, i));
    const [targets] = await Promise.all([
      Promise.all(images.map((image) => tokenizer.reconstructionTarget(image))),
      tokenizer.encode(images),
    ]);
    for (const [i, target] of targets.entries()) expect(target).toEqual(await wanted(images[i]!));
  });

  it("is UNSUPPORTED for an encoder alone", async () => {
    await using encoder = await VQRAE.load(tinyEncoder, { threads: 1 });
    await expect(encoder.reconstructionTarget(photo)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message:
        "Expected a checkpoint with a decoder for reconstructionTarget but received siglip-vision, which has none.",
    });
  });

  it("refuses what encode refuses, and goes on", async () => {
    await expect(tokenizer.reconstructionTarget(new Uint8Array(0))).rejects.toMatchObject({
      code: "INVALID_IMAGE",
      message: expect.stringContaining("received 0 bytes"),
    });
    for (let i = 0; i < 5; i++) {
      await expect(tokenizer.reconstructionTarget("no-such-file.png")).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
    }
    expect(await tokenizer.reconstructionTarget(picture(8, 8))).toEqual(await wanted(picture(8, 8)));
  });
});
