import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type GeneratedImage,
  type GenerationEvent,
  type ImageGenerator,
  loadGenerator,
} from "../../../adapters/generation/index.ts";
import { imagesThatFit } from "../../../adapters/generation/sources/open-source.ts";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { collect, idsOf } from "../../helpers/generated.ts";
import { BAD_ID, brokenRows, type TinyGenerator, tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";

/** 4 x 4 ids of 64. The same model three times: image by image, in exact batches, and in batches always. */
const folder = tinyGeneratorFolder();
const SETTINGS = { gpu: false, threads: 1, contextSize: 400 } as const;
let source: TinyGenerator;
let tokenizer: VQRAE;
let oneByOne: ImageGenerator;
let exact: ImageGenerator;
let always: ImageGenerator;
beforeAll(async () => {
  source = await folder.write("generator.gguf", { sampling: { guidanceScale: 3, topK: 20 } });
  tokenizer = await VQRAE.load(source.tokenizer);
  const load = (options: object) => loadGenerator({ ...source, tokenizer }, { ...SETTINGS, ...options });
  oneByOne = await load({ imagesAtOnce: 1 });
  exact = await load({ imagesAtOnce: 4 });
  always = await load({ imagesAtOnce: 4, batch: "always" });
});
afterAll(async () => {
  for (const generator of [oneByOne, exact, always]) await generator.dispose();
  await tokenizer.dispose();
  await folder.remove();
});

describe("images of one call are those that each is alone", () => {
  const call = fc.record({
    // A byte is a token: some prompts are longer than a block of 256 positions, some end at its border.
    prompts: fc.array(fc.oneof(fc.constant(""), fc.nat(24), fc.integer({ min: 236, max: 300 })), {
      minLength: 1,
      maxLength: 3,
    }),
    n: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(1000),
    guidanceScale: fc.constantFrom(1, 3),
    redraw: fc.option(fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }), { nil: undefined }),
  });

  it("whatever their number, prompts, guidance and kept ids", { timeout: 600_000 }, async () => {
    const checked = fc.asyncProperty(call, async ({ prompts, n, seed, guidanceScale, redraw }) => {
      const texts = prompts.map((length) => (length === "" ? "" : "abcdefg ".repeat(40).slice(0, Number(length))));
      const ids = Array.from({ length: 16 }, (_, i) => (i * 11) % 64);
      const editImage = redraw?.includes(true) ? { editImage: { ids, redraw } } : {};
      const options = { seed, guidanceScale, ...editImage };
      const images = await exact.generateImages(texts, { n, ...options });
      expect(images.map(({ index, seed }) => [index, seed])).toEqual(
        Array.from({ length: texts.length * n }, (_, i) => [i, seed + i]),
      );
      for (const { index, seed, ids } of images) {
        const prompt = texts[Math.floor(index / n)]!;
        const [alone] = await oneByOne.generateImages(prompt, { ...options, seed });
        expect([...ids]).toEqual([...alone!.ids]);
      }
    });
    await fc.assert(checked, { numRuns: 12 });
  });

  it("and batches that round otherwise have ids too", async () => {
    const images = await always.generateImages("hello", { n: 6, seed: 3, guidanceScale: 1 });
    expect(new Set(idsOf(images).map(String)).size).toBe(6);
    expect(idsOf(await always.generateImages("hello", { n: 6, seed: 3, guidanceScale: 1 }))).toEqual(idsOf(images));
  });
});

describe("an image's own signal", () => {
  it("stops it alone: the others have the ids that they have alone, and their own progress", async () => {
    const alone = idsOf(await oneByOne.generateImages("hello", { n: 6, seed: 7 }));
    const stops = [
      new AbortController(),
      undefined,
      new AbortController(),
      undefined,
      undefined,
      new AbortController(),
    ];
    stops[5]!.abort(new Error("never begun"));
    const events: GenerationEvent[] = [];
    const imageSignals = stops.map((stop) => stop?.signal);
    for await (const event of exact.generate("hello", { n: 6, seed: 7, imageSignals, previewRows: 1 })) {
      events.push(event);
      if (event.type !== "progress") continue;
      if (event.images[0] === 3) stops[0]!.abort(new Error("enough of 0"));
      if (event.images[2] === 9) stops[2]!.abort(new Error("enough of 2"));
    }
    const failed = events.flatMap((event) => (event.type === "failed" ? [event] : []));
    expect(failed.map(({ index, seed, error }) => [index, seed, String(error)])).toEqual([
      [0, 7, "Error: enough of 0"],
      [2, 9, "Error: enough of 2"],
      [5, 12, "Error: never begun"],
    ]);
    const made = events.flatMap((event) => (event.type === "image" ? [event] : []));
    expect(made.map(({ index, ids }) => [index, [...ids]])).toEqual([1, 3, 4].map((index) => [index, alone[index]]));
    const previews = events.flatMap((event) => (event.type === "preview" ? [`${event.index}/${event.rows}`] : []));
    expect(previews).toEqual(["1/1", "2/1", "3/1", "1/2", "2/2", "3/2", "1/3", "3/3", "4/1", "4/2", "4/3"]);
    expect(events.filter(({ type }) => type === "progress").at(-1)).toEqual({
      type: "progress",
      done: 3 + 9 + 3 * 16,
      total: 3 + 9 + 3 * 16,
      images: [3, 16, 9, 16, 16, 0],
    });
  });

  it("leaves it out of generateImages; all stopped is no image and no error", async () => {
    const gone = AbortSignal.abort(new Error("enough"));
    const images = await exact.generateImages("hello", { n: 3, seed: 1, imageSignals: [undefined, gone, undefined] });
    expect(images.map(({ index }) => index)).toEqual([0, 2]);
    expect(await exact.generateImages("hello", { n: 2, imageSignals: [gone, gone] })).toEqual([]);
  });

  it("is one for each image", async () => {
    for (const imageSignals of [[], [undefined], [undefined, undefined, undefined], [1, 2]]) {
      const call = exact.generateImages("hello", { n: 2, imageSignals: imageSignals as undefined[] });
      await expect(call).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("imageSignals"),
      });
    }
  });

  it("the call's signal stops all, and the next call is as ever", async () => {
    const before = idsOf(await exact.generateImages("hello", { n: 4, seed: 1 }));
    const stop = new AbortController();
    const reason = new Error("enough");
    const call = async () => {
      const imageSignals = [new AbortController().signal, undefined, undefined, undefined];
      for await (const event of exact.generate("hello", { n: 4, seed: 1, imageSignals, signal: stop.signal })) {
        if (event.type === "progress" && event.done > 20) stop.abort(reason);
      }
    };
    await expect(call()).rejects.toBe(reason);
    expect(idsOf(await exact.generateImages("hello", { n: 4, seed: 1 }))).toEqual(before);
  });
});

describe("an image whose logits are no numbers", () => {
  let broken: ImageGenerator;
  beforeAll(async () => {
    const { llm } = await folder.write("broken.gguf", { rows: brokenRows() });
    broken = await loadGenerator({ llm, tokenizer }, { ...SETTINGS, imagesAtOnce: 8 });
  });
  afterAll(() => broken.dispose());

  it("fails by itself, and the others are whole", async () => {
    const { events, images } = await collect(broken, "hello", { n: 8, seed: 0, temperature: 1, guidanceScale: 1 });
    const failed = events.flatMap((event) => (event.type === "failed" ? [event] : []));
    expect(failed.length).toBeGreaterThan(0);
    expect(images.length).toBeGreaterThan(0);
    expect(failed.length + images.length).toBe(8);
    for (const { error } of failed) expect(error).toMatchObject({ code: "RUNTIME" });
    // After the last id nothing is decoded any more.
    for (const { ids } of images) expect(ids.subarray(0, 15)).not.toContain(BAD_ID);
    const [{ seed, ids }] = images as [GeneratedImage];
    const [alone] = await broken.generateImages("hello", { seed, temperature: 1, guidanceScale: 1 });
    expect(alone!.ids).toEqual(ids);

    const [{ seed: bad }] = failed as [(typeof failed)[0]];
    const call = broken.generateImages("hello", { seed: bad, temperature: 1, guidanceScale: 1 });
    await expect(call).rejects.toMatchObject({ code: "RUNTIME" });
    const all = broken.generateImages("hello", { n: 8, seed: 0, temperature: 1, guidanceScale: 1 });
    await expect(all).rejects.toMatchObject({ code: "RUNTIME" });
  });
});

describe("prompts", () => {
  it("in a list have n images each, text after text", async () => {
    const { images } = await collect(exact, ["hello", "what"], { n: 2, seed: 20 });
    const [hello, what] = [
      await oneByOne.generateImages("hello", { n: 2, seed: 20 }),
      await oneByOne.generateImages("what", { n: 2, seed: 22 }),
    ];
    expect(idsOf(images)).toEqual(idsOf([...hello, ...what]));
  });

  it.each([
    ["none", [], {}, "at least one text"],
    ["one that is no text", ["hello", 3], {}, "prompt 1"],
    ["more images than a call may have", ["a", "b"], { n: 501 }, "at most 1000 drawings"],
    ["seeds that run out", ["a", "b"], { seed: 2 ** 32 - 1 }, 'option "seed"'],
  ])("refuses %s", async (_, prompts, options, message) => {
    const call = exact.generateImages(prompts as string[], options);
    await expect(call).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
  });

  it("too long for the context stop the call before it begins", async () => {
    const call = exact.generateImages(["hello", "x".repeat(500)]);
    await expect(call).rejects.toMatchObject({ code: "CONTEXT_OVERFLOW" });
  });
});

describe("how many images are generated together", () => {
  it("is 8, or as many as have room for their keys and values", async () => {
    const gguf = await readGguf(source.llm);
    expect(imagesThatFit(gguf, 400)).toBe(8);
    const architecture = gguf.metadata.get("general.architecture")?.value;
    const layers = Number(gguf.metadata.get(`${architecture}.block_count`)?.value);
    const heads = Number(gguf.metadata.get(`${architecture}.attention.head_count_kv`)?.value);
    const keys = Number(gguf.metadata.get(`${architecture}.attention.key_length`)?.value ?? 64 / 4);
    const image = (size: number) => 2 * size * layers * heads * 2 * keys * 2;
    const size = Math.floor(2 ** 31 / image(1));
    expect([imagesThatFit(gguf, size), imagesThatFit(gguf, 3 * size)]).toEqual([1, 1]);
    expect(imagesThatFit(gguf, Math.floor(size / 3))).toBe(3);
    const settings = { gpu: false, threads: 1 } as const;
    const generator = await loadGenerator({ ...source, tokenizer }, settings);
    expect(generator.info.imagesAtOnce).toBe(8);
    await generator.dispose();
  });

  it.each([
    ["batch", "sometimes"],
    ["batch", true],
  ])("option %s of loadGenerator cannot be %s", async (name, value) => {
    const call = loadGenerator({ ...source, tokenizer }, { ...SETTINGS, [name]: value });
    await expect(call).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) });
  });
});
