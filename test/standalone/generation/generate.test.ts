import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GenerateOptions, type ImageGenerator, loadGenerator } from "../../../adapters/generation/index.ts";
import { ggufValue, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { collect, idsOf } from "../../helpers/generated.ts";
import { tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";

/** 4 x 4 ids of 64, three images at once. */
let generator: ImageGenerator;
let tokenizer: VQRAE;
const tiny = tinyGeneratorFolder();
beforeAll(async () => {
  const source = await tiny.write("generator.gguf", { sampling: { guidanceScale: 3, topK: 20 } });
  tokenizer = await VQRAE.load(source.tokenizer);
  generator = await loadGenerator({ ...source, tokenizer }, { gpu: false, threads: 1, imagesAtOnce: 3 });
});
afterAll(async () => {
  await generator.dispose();
  await tokenizer.dispose();
  await tiny.remove();
});

const generate = async (options: GenerateOptions, prompt = "hello") =>
  idsOf(await generator.generateImages(prompt, options));

it("tells what it is", () => {
  expect(generator.info).toEqual({
    modelId: "generator",
    description: null,
    licence: null,
    tokenizerId: "vqrae-two-layers",
    outputSize: { width: 16, height: 16 },
    grid: { rows: 4, columns: 4 },
    codebookSize: 64,
    sampling: { guidanceScale: 3, guidanceSchedule: "constant", temperature: 1, topK: 20, topP: 1 },
    imagesAtOnce: 3,
    guidance: true,
    likelihoods: true,
  });
});

it("reads prompts in the case that its file says it has learnt", async () => {
  const { llm, tokenizer: folder } = await tiny.write("case.gguf", {});
  const sentence = join(dirname(llm), "sentence.gguf");
  await rewriteGguf(llm, sentence, { metadata: [["vqrae.visual.prompt_case", ggufValue.string("sentence")]] });
  const drawn = async (file: string, prompts: readonly string[]) => {
    const loaded = await loadGenerator({ llm: file, tokenizer: folder }, { gpu: false, threads: 1 });
    const images = [];
    for (const prompt of prompts) images.push(...idsOf(await loaded.generateImages(prompt, { seed: 1, topK: 1 })));
    await loaded.dispose();
    return images;
  };
  const written = await drawn(llm, ["A Red Circle", "A red circle", " É Bleu", " É bleu"]);
  expect(written[0]).not.toEqual(written[1]);
  const [, small, , french] = written;
  expect(await drawn(sentence, ["A Red CIRCLE", "A red circle", " É BLEU", " É bleu"])).toEqual([
    small,
    small,
    french,
    french,
  ]);
});

it("tells what its file says of its licence and of what it draws", async () => {
  const { llm, tokenizer: folder } = await tiny.write("plain.gguf", {});
  const told = join(dirname(llm), "told.gguf");
  await rewriteGguf(llm, told, {
    metadata: [
      ["general.description", ggufValue.string("noise")],
      ["general.license", ggufValue.string("other")],
      ["general.license.name", ggufValue.string("for research and education")],
    ],
  });
  const loaded = await loadGenerator({ llm: told, tokenizer: folder }, { gpu: false, threads: 1 });
  expect(loaded.info).toMatchObject({ description: "noise", licence: "for research and education" });
  await loaded.dispose();
});

describe("events", () => {
  it("are one progress a token, previews every so many rows, and the images in order", async () => {
    const { events, images } = await collect(generator, "hello", { n: 2, seed: 1, previewRows: 1 });
    const row = (done: number) => Array.from({ length: 4 }, (_, i) => ["progress", done + 2 * i, 32]);
    const previews = (rows: number) => [0, 1].map((index) => ["preview", index, rows]);
    expect(
      events.map((event) =>
        event.type === "progress"
          ? ["progress", event.done, event.total]
          : event.type === "preview"
            ? ["preview", event.index, event.rows]
            : ["image", event.index],
      ),
    ).toEqual([
      ...[...row(2), ...previews(1), ...row(10), ...previews(2), ...row(18), ...previews(3), ...row(26)],
      ...[
        ["image", 0],
        ["image", 1],
      ],
    ]);
    expect(events.filter(({ type }) => type === "image")).toEqual(images.map((image) => ({ type: "image", ...image })));
  });

  it("previews show the rows that are there, and below them the last one", async () => {
    const { events, images } = await collect(generator, "hello", { seed: 2, previewRows: 2 });
    const [preview, ...others] = events.filter((event) => event.type === "preview");
    expect(others).toEqual([]);
    const ids = [...images[0]!.ids.subarray(0, 8), ...images[0]!.ids.subarray(4, 8), ...images[0]!.ids.subarray(4, 8)];
    expect(preview).toMatchObject({ index: 0, rows: 2, image: await tokenizer.decode(ids) });
  });

  it("images are what the tokenizer makes of their ids", async () => {
    for (const { image, ids } of await generator.generateImages("hello", { n: 2, seed: 3 })) {
      expect(ids.every((id) => id >= 0 && id < 64)).toBe(true);
      expect(image).toEqual(await tokenizer.decode(ids));
    }
  });

  it("more images than there is room for take turns", async () => {
    const { events, images } = await collect(generator, "hello", { n: 5, seed: 4 });
    expect(images.map(({ index, seed }) => [index, seed])).toEqual([0, 1, 2, 3, 4].map((i) => [i, 4 + i]));
    const progress = events.filter((event) => event.type === "progress");
    expect(progress.at(-1)).toEqual({ type: "progress", done: 80, total: 80, images: [16, 16, 16, 16, 16] });
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));
  });
});

describe("sampling", () => {
  it("follows from the seed; image i has seed + i", async () => {
    const four = await generate({ n: 3, seed: 9 });
    expect(await generate({ n: 3, seed: 9 })).toEqual(four);
    expect(new Set(four.map(String)).size).toBe(3);
    expect(await generate({ seed: 10 })).toEqual([four[1]]);
    const [unseeded] = await generator.generateImages("hello");
    expect(await generate({ seed: unseeded!.seed })).toEqual([[...unseeded!.ids]]);
  });

  it("follows the prompt, and guidance strengthens it", async () => {
    const greedy = { temperature: 0, seed: 0 };
    expect(await generate(greedy, "hello")).not.toEqual(await generate(greedy, "what"));
    // Without guidance, or with a prompt that is the one without, the scale has no effect.
    const plain = await generate({ ...greedy, guidanceScale: 1 });
    expect(await generate({ ...greedy, guidanceScale: 4 })).not.toEqual(plain);
    expect(await generate({ ...greedy, guidanceScale: 4 }, "")).toEqual(
      await generate({ ...greedy, guidanceScale: 1 }, ""),
    );
    expect(await generate({ ...greedy, guidanceScale: 0 })).toEqual(
      await generate({ ...greedy, guidanceScale: 1 }, ""),
    );
  });

  it("follows schedules: an interval guides the first ids only", async () => {
    const greedy = { temperature: 0, seed: 0 };
    const [guided] = await generate({ ...greedy, guidanceScale: 4 });
    const [some] = await generate({ ...greedy, guidanceScale: 4, guidanceSchedule: { interval: 5 } });
    expect(some!.slice(0, 7)).toEqual(guided!.slice(0, 7));
    const rest = { ids: some!, rows: 2 };
    const [alone] = await generate({ ...greedy, guidanceScale: 1, continueImage: rest });
    expect(some!.slice(8)).toEqual(alone!.slice(8));
  });

  it("with topK 1 is greedy, and a preset is its numbers", async () => {
    const greedy = await generate({ temperature: 0, seed: 1 });
    expect(await generate({ topK: 1, seed: 1 })).toEqual(greedy);
    expect(await generate({ preset: "janus", seed: 1 })).toEqual(
      await generate({ guidanceScale: 5, topK: 0, seed: 1 }),
    );
  });

  it("a prompt is text, whatever it says", async () => {
    const greedy = { temperature: 0, seed: 0 };
    const [text, boi] = [await generate(greedy, "<|visual_3|>"), await generate(greedy, "")];
    expect(text).not.toEqual(boi);
    // Twelve tokens each, one a byte, where it would be one.
    const long = "<|visual_3|>".repeat(100);
    await expect(generate(greedy, long)).rejects.toMatchObject({
      message: expect.stringContaining("a prompt of 1201 tokens"),
    });
  });
});

describe("continueImage", () => {
  it("keeps the first rows of ids, and goes on as the same image does", async () => {
    const [whole] = await generate({ temperature: 0, seed: 0 });
    const { events, images } = await collect(generator, "hello", {
      temperature: 0,
      seed: 0,
      continueImage: { ids: whole!.slice(0, 4), rows: 1 },
    });
    expect(idsOf(images)).toEqual([whole]);
    expect(events[0]).toEqual({ type: "progress", done: 1, total: 12, images: [1] });
  });

  it("keeps the first rows of an image, as the tokenizer sees it", async () => {
    const image = { data: new Uint8Array(32 * 32 * 3).map((_, i) => (i * 31) % 251), width: 32, height: 32 };
    const { ids } = await tokenizer.encode(image);
    const found = await generate({ n: 2, seed: 5, continueImage: { image, rows: 3 } });
    for (const own of found) expect(own.slice(0, 12)).toEqual([...ids!.subarray(0, 12)]);
    expect(found[0]).not.toEqual(found[1]);
  });
});

describe("calls", () => {
  it("at the same time wait for each other and do not mix", async () => {
    const alone = [await generate({ seed: 1 }), await generate({ seed: 2, n: 2 }, "what")];
    expect(await Promise.all([generate({ seed: 1 }), generate({ seed: 2, n: 2 }, "what")])).toEqual(alone);
  });

  it("that are left or aborted in the middle leave a generator that works as before", async () => {
    const before = await generate({ seed: 1, n: 3 });
    for await (const event of generator.generate("hello", { seed: 1, n: 3 })) {
      if (event.type === "progress" && event.done >= 15) break;
    }
    expect(await generate({ seed: 1, n: 3 })).toEqual(before);

    const controller = new AbortController();
    const reason = new Error("enough");
    const run = async () => {
      for await (const event of generator.generate("hello", { seed: 1, n: 3, signal: controller.signal })) {
        if (event.type === "progress" && event.done >= 15) controller.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(await generate({ seed: 1, n: 3 })).toEqual(before);
  });

  it("that are aborted while they wait never begin, and those behind them do", async () => {
    const controller = new AbortController();
    const first = generate({ seed: 1 });
    const aborted = generate({ seed: 2, signal: controller.signal });
    const last = generate({ seed: 1 });
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    expect(await last).toEqual(await first);
    await expect(generate({ signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  });
});
