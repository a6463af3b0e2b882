import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GenerateOptions, type ImageGenerator, loadGenerator } from "../../../adapters/generation/index.ts";
import { type Decoder, encodePng, VQRAE } from "../../../sdk/index.ts";
import { maskedPng } from "../../helpers/masked-png.ts";
import { type TinyGenerator, tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";
import { failure } from "../checkpoint/temporary.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

/** 4 x 4 ids of 64, guided; images of 16 x 16 pixels. */
let tiny: TinyGenerator;
let generator: ImageGenerator;
let tokenizer: VQRAE;
const folder = tinyGeneratorFolder();
beforeAll(async () => {
  tiny = await folder.write("generator.gguf", { sampling: { guidanceScale: 3, topK: 20 } });
  tokenizer = await VQRAE.load(tiny.tokenizer);
  generator = await loadGenerator({ ...tiny, tokenizer }, { gpu: false, threads: 1, imagesAtOnce: 3 });
});
afterAll(async () => {
  await generator.dispose();
  await tokenizer.dispose();
  await folder.remove();
});

const generate = async (options: GenerateOptions) =>
  (await generator.generateImages("hello", options)).map(({ ids }) => [...ids]);
const at = (...places: number[]) => Array.from({ length: 16 }, (_, i) => places.includes(i));
const ids = Array.from({ length: 16 }, (_, i) => (i * 7) % 64);

describe("ids", () => {
  it("that are kept come back, wherever they are, and the others are drawn by the seed", async () => {
    const editImage = { ids, redraw: at(0, 5, 6, 15) };
    const made = await generate({ n: 3, seed: 4, editImage });
    for (const own of made) for (const [i, id] of own.entries()) if (!editImage.redraw[i]) expect(id).toBe(ids[i]);
    expect(new Set(made.map(String)).size).toBe(3);
    expect(await generate({ n: 3, seed: 4, editImage })).toEqual(made);
    expect(await generate({ seed: 5, editImage })).toEqual([made[1]]);
  });

  it("are drawn as they follow all ids before them, with and without guidance", async () => {
    for (const guidanceScale of [1, 4]) {
      const greedy = { temperature: 0, seed: 0, guidanceScale };
      const [whole] = await generate(greedy);
      // Kept or drawn, what is before an id is the same.
      for (const redraw of [at(0, 3), at(7), at(4, 5, 6, 7, 15), at(...ids.keys())]) {
        expect(await generate({ ...greedy, editImage: { ids: whole!, redraw } })).toEqual([whole]);
      }
      const rows = { ids, redraw: at(8, 9, 10, 11, 12, 13, 14, 15) };
      expect(await generate({ ...greedy, editImage: rows })).toEqual(
        await generate({ ...greedy, continueImage: { ids, rows: 2 } }),
      );
    }
    // Another id before it makes another one.
    const last = { temperature: 0, redraw: at(15) };
    const other = ids.with(14, 63);
    const [first] = await generate({ temperature: 0, editImage: { ids, redraw: last.redraw } });
    const [second] = await generate({ temperature: 0, editImage: { ids: other, redraw: last.redraw } });
    expect(first![15]).not.toBe(second![15]);
  });

  it("are counted, and shown in previews with what is kept below", async () => {
    const events = [];
    const editImage = { ids, redraw: at(1, 6, 13) };
    for await (const event of generator.generate("hello", { seed: 2, previewRows: 1, editImage })) events.push(event);
    expect(events.map((event) => (event.type === "progress" ? `${event.done}/${event.total}` : event.type))).toEqual([
      ..."1/3 preview 2/3 preview 3/3 image".split(" "),
    ]);
    const [own] = await generate({ seed: 2, editImage });
    const previews = events.filter((event) => event.type === "preview");
    expect(previews.map(({ rows }) => rows)).toEqual([1, 3]);
    expect(previews[0]!.image).toEqual(await tokenizer.decode(own!.with(6, own![2]!).with(13, ids[9]!)));
    expect(previews[1]!.image).toEqual(await tokenizer.decode(own!.with(13, own![9]!)));
  });
});

describe("a mask", () => {
  /** The tokens that are not the image's own: nothing is drawn as it was where the temperature is high. */
  const redrawn = async (width: number, height: number, isClear: (x: number, y: number) => boolean) => {
    const image = await encodePng(picture(width, height));
    const { ids: own } = await tokenizer.encode(image, { ids: true });
    const editImage = { image, mask: await maskedPng(width, height, isClear) };
    const made = await generate({ n: 3, seed: 7, temperature: 5, topK: 0, guidanceScale: 1, editImage });
    return [...own.keys()].filter((i) => made.some((one) => one[i] !== own[i]));
  };

  it("has each token drawn anew that has a transparent pixel", async () => {
    expect(await redrawn(16, 16, (x, y) => x === 4 && y === 3)).toEqual([1]);
    expect(await redrawn(16, 16, (x, y) => x >= 8 && y >= 8)).toEqual([10, 11, 14, 15]);
  });

  it("of a large image loses no pixel", async () => {
    expect(await redrawn(1600, 1600, (x, y) => x === 400 && y === 1599)).toEqual([13]);
    expect(await redrawn(1600, 1600, (x, y) => x === 399 && y === 1599)).toEqual([12]);
    expect(await redrawn(1601, 1603, (x, y) => x === 700 && y === 100)).toEqual([1]);
  });

  it("follows the image, whose part the encoder sees", async () => {
    const { left, width } = tokenizer.seenRegion({ width: 32, height: 16 });
    const column = Math.floor((4 * (20 - left)) / width);
    expect(await redrawn(32, 16, (x, y) => x === 20 && y === 0)).toEqual([column]);
  });

  it("that is left out is the image's own transparency, and all where it has none", async () => {
    const clear = (x: number) => x < 4;
    const image = await maskedPng(16, 16, clear);
    const options = { seed: 3, editImage: { image } };
    expect(await generate(options)).toEqual(await generate({ seed: 3, editImage: { image, mask: image } }));
    const opaque = await encodePng(picture(16, 16));
    expect(await generate({ seed: 3, editImage: { image: opaque } })).toEqual(await generate({ seed: 3 }));
  });

  it("and its image may be streams, or raw pixels whose alpha counts", async () => {
    const image = await maskedPng(16, 16, (x) => x < 4);
    const wanted = await generate({ seed: 3, editImage: { image, mask: image } });
    const stream = () => new Blob([image]).stream();
    expect(await generate({ seed: 3, editImage: { image: stream(), mask: stream() } })).toEqual(wanted);
    const { data } = picture(16, 16);
    const rgba = new Uint8ClampedArray(16 * 16 * 4);
    for (let i = 0; i < 256; i++) rgba.set([...data.subarray(i * 3, i * 3 + 3), i % 16 < 4 ? 0 : 255], i * 4);
    const raw = { data: rgba, width: 16, height: 16 };
    expect(await generate({ seed: 3, editImage: { image: raw } })).toEqual(wanted);
  });

  it.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ["of another size", () => maskedPng(16, 15, () => true), /16 x 16 pixels.*16 x 15|at most/],
    ["that is larger", () => maskedPng(17, 17, () => true), /at most 256 pixels/],
    [
      "without a transparent pixel",
      () => maskedPng(16, 16, () => false),
      /a transparent pixel that the encoder sees for the mask/,
    ],
    [
      "without transparency",
      () => encodePng(picture(16, 16)),
      /a transparent pixel that the encoder sees for the mask/,
    ],
    ["that is no image", async () => Uint8Array.of(1, 2, 3), /raster image/],
    ["that breaks off", async () => (await maskedPng(16, 16, () => true)).subarray(0, 60), /complete image/],
  ])("%s is refused", async (_name, mask, message) => {
    const image = await encodePng(picture(16, 16));
    const error = await failure(generate({ editImage: { image, mask: await mask() } }));
    expect(error.message).toMatch(message);
    expect(["INVALID_ARGUMENT", "INVALID_IMAGE", "IMAGE_TOO_LARGE"]).toContain(error.code);
  });

  it("takes a tokenizer that says what it sees", async () => {
    const blind = {
      info: tokenizer.info,
      encode: tokenizer.encode.bind(tokenizer),
      decode: tokenizer.decode.bind(tokenizer) as Decoder["decode"],
      codebookVectors: tokenizer.codebookVectors.bind(tokenizer),
      [Symbol.asyncDispose]: async () => {},
    };
    const other = await loadGenerator({ llm: tiny.llm, tokenizer: blind }, { gpu: false, threads: 1 });
    const image = await maskedPng(16, 16, (x) => x < 4);
    const error = await failure(other.generateImages("hello", { editImage: { image } }));
    expect(error).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("what of an image it sees") });
    expect(await other.generateImages("hello", { editImage: { image, redraw: at(3) } })).toHaveLength(1);
    await other.dispose();
  });
});
