import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  expandVocabulary,
  type GenerateOptions,
  type ImageGenerator,
  loadGenerator,
  recordVocabulary,
} from "../../../adapters/generation/index.ts";
import { type GgufValue, ggufValue, readGguf, readGgufTensor, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { type Decoder, VQRAE } from "../../../sdk/index.ts";
import { type TinyGenerator, tinyGeneratorFolder } from "../../helpers/tiny-generator.ts";
import { failure } from "../checkpoint/temporary.ts";
import { tinyEncoder } from "../cli/run-cli.ts";

const folder = tinyGeneratorFolder();
let tiny: TinyGenerator;
beforeAll(async () => {
  tiny = await folder.write("tiny.gguf");
});
afterAll(() => folder.remove());

const options = { gpu: false, threads: 1, imagesAtOnce: 1 } as const;
const load = (llm: string, tokenizer = tiny.tokenizer, more = {}) =>
  loadGenerator({ llm, tokenizer }, { ...options, ...more });

/** The tiny generator with other metadata, or without. */
async function changed(name: string, metadata: Record<string, GgufValue | null>): Promise<string> {
  const target = tiny.llm.replace("tiny.gguf", name);
  const set = Object.entries(metadata).flatMap(([key, value]) =>
    value ? [[`vqrae.visual.${key}`, value] as const] : [],
  );
  const without = (key: string) => metadata[key.replace("vqrae.visual.", "")] === null;
  await rewriteGguf(tiny.llm, target, { metadata: set, without });
  return target;
}

describe("a language model is refused", () => {
  it("that is not there, or no GGUF file", async () => {
    expect(await failure(load("nowhere.gguf"))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    expect(await failure(load(`${tiny.tokenizer}/config.json`))).toMatchObject({ code: "INVALID_GGUF" });
    expect(await failure(load(undefined as unknown as string))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("without the layout's metadata, with the mend", async () => {
    const error = await failure(load(`${tiny.llm}.plain`));
    expect(error).toMatchObject({ code: "INVALID_GGUF", message: expect.stringContaining("vqrae expand-vocabulary") });
  });

  const { uint32, string, float32 } = ggufValue;
  const wrong: [string, Record<string, GgufValue | null>, string][] = [
    ["whose codebook is larger than its vocabulary", { codebook_size: uint32(65) }, "from 1 to 64"],
    ["whose codebook is empty", { codebook_size: uint32(0) }, "codebook_size"],
    ["that leaves out a value", { boi_token: null }, "boi_token"],
    ["whose first token is no token", { first_token: uint32(99_999) }, "first_token"],
    ["whose begin-of-image is a visual token", { boi_token: uint32(270) }, "a token that is not visual itself"],
    ["with a value of another type", { rows: string("4") }, "rows"],
    ["with a format that has no place for the prompt", { prompt_format: string("picture") }, "{prompt}"],
    ["with a case that nobody knows", { prompt_case: string("title") }, "one of as-written, sentence"],
    ["with a temperature below zero", { temperature: float32(-1) }, "temperature"],
    ["with a guidance scale that is not finite", { guidance_scale: float32(Number.NaN) }, "guidance_scale"],
    ["that keeps no probability", { top_p: float32(0) }, "top_p"],
  ];
  it.each(wrong)("%s", async (_, metadata, message) => {
    const error = await failure(load(await changed("wrong.gguf", metadata)));
    expect(error).toMatchObject({ code: "INVALID_GGUF", message: expect.stringContaining(message) });
  });

  it("whose context is too short for an image", async () => {
    const { rows, columns } = { rows: uint32(64), columns: uint32(64) };
    const tokenizer = await VQRAE.load(tiny.tokenizer);
    const larger = { ...tokenizer, info: { ...tokenizer.info, grid: { rows: 64, columns: 64 } } };
    const llm = await changed("large.gguf", { rows, columns });
    const error = await failure(loadGenerator({ llm, tokenizer: larger as unknown as VQRAE }, options));
    await tokenizer.dispose();
    expect(error).toMatchObject({ code: "INVALID_GGUF", message: expect.stringMatching(/4096 tokens.*64 x 64.*2048/) });
  });
});

describe("a tokenizer is refused", () => {
  it("with a codebook of another size", async () => {
    const other = await folder.write("other.gguf", { codebookSize: 60 });
    const error = await failure(load(other.llm));
    expect(error).toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/codebook of 60.*one of 64/),
    });
  });

  it("with another grid", async () => {
    const llm = await changed("grid.gguf", { rows: ggufValue.uint32(2) });
    const error = await failure(load(llm));
    expect(error).toMatchObject({ code: "INCOMPATIBLE", message: expect.stringMatching(/grid of 2 x 4.*4 x 4/) });
  });

  it("without a codebook, or that is not there", async () => {
    expect(await failure(load(tiny.llm, tinyEncoder))).toMatchObject({ code: "UNSUPPORTED" });
    expect(await failure(load(tiny.llm, "nowhere"))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });
});

it.each([
  ["imagesAtOnce", 0],
  ["imagesAtOnce", 1.5],
  ["contextSize", 15],
  ["contextSize", Number.NaN],
])("option %s of loadGenerator cannot be %s", async (name, value) => {
  const error = await failure(load(tiny.llm, tiny.tokenizer, { [name]: value }));
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) });
});

it("an abort ends loading", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(load(tiny.llm, tiny.tokenizer, { signal })).rejects.toThrow("enough");
});

describe("a call is refused, and the generator goes on,", () => {
  let generator: ImageGenerator;
  beforeAll(async () => {
    generator = await load(tiny.llm, tiny.tokenizer, { contextSize: 40 });
  });
  afterAll(() => generator.dispose());

  const ids = Array.from({ length: 16 }, (_, i) => i);
  const wrong: [string, object, string][] = [
    ["n", { n: 0 }, 'option "n"'],
    ["n", { n: 1001 }, 'option "n"'],
    ["seed", { seed: -1 }, 'option "seed"'],
    ["seed", { seed: 2 ** 32 - 1, n: 2 }, 'option "seed"'],
    ["temperature", { temperature: -0.1 }, 'option "temperature"'],
    ["temperature", { temperature: Number.NaN }, 'option "temperature"'],
    ["topK", { topK: 1.5 }, 'option "topK"'],
    ["topP", { topP: 0 }, 'option "topP"'],
    ["topP", { topP: 1.1 }, 'option "topP"'],
    ["guidanceScale", { guidanceScale: Number.POSITIVE_INFINITY }, 'option "guidanceScale"'],
    ["guidanceScale", { guidanceScale: "3" }, 'option "guidanceScale"'],
    ["guidanceSchedule", { guidanceSchedule: "cosine" }, 'option "guidanceSchedule"'],
    ["guidanceSchedule", { guidanceSchedule: { interval: -1 } }, 'option "guidanceSchedule"'],
    ["preset", { preset: "dalle" }, "llamagen"],
    ["previewRows", { previewRows: -1 }, 'option "previewRows"'],
    ["signal", { signal: {} }, 'option "signal"'],
    ["an unknown option", { guidance: 3 }, '"guidance"'],
    ["continueImage", { continueImage: 3 }, 'option "continueImage"'],
    ["continueImage without rows", { continueImage: { ids } }, 'option "rows" of generate\'s continueImage'],
    ["continueImage with all rows", { continueImage: { ids, rows: 4 } }, "from 1 to 3"],
    ["continueImage with too few ids", { continueImage: { ids: ids.slice(0, 7), rows: 2 } }, "at least 8 ids"],
    ["continueImage with an id above the codebook", { continueImage: { ids: [1, 64, 1, 1], rows: 1 } }, "id 1"],
    ["continueImage with an id that is none", { continueImage: { ids: [1, 1, -1, 1], rows: 1 } }, "id 2"],
    [
      "editImage beside continueImage",
      { editImage: { ids, redraw: Array(16).fill(true) }, continueImage: { ids, rows: 1 } },
      "continueImage or editImage",
    ],
    ["editImage with neither", { editImage: {} }, "the ids of editImage"],
    [
      "editImage with too few ids",
      { editImage: { ids: ids.slice(1), redraw: Array(16).fill(true) } },
      "at least 16 ids",
    ],
    ["editImage without redraw", { editImage: { ids } }, "16 booleans"],
    ["editImage with too short a redraw", { editImage: { ids, redraw: [true] } }, "16 booleans"],
    ["editImage with numbers", { editImage: { ids, redraw: Array(16).fill(1) } }, "16 booleans"],
    ["editImage that draws nothing", { editImage: { ids, redraw: Array(16).fill(false) } }, "an id that is drawn"],
    ["editImage with a mask of ids", { editImage: { ids, mask: "mask.png" } }, 'option "mask"'],
    [
      "continueImage with a file that is no image",
      { continueImage: { image: "package.json", rows: 1 } },
      "package.json",
    ],
  ];
  it.each(wrong)("%s: %j", async (_, given, message) => {
    const error = await failure(generator.generateImages("hello", given as GenerateOptions));
    expect(error.message).toContain(message);
    expect(["INVALID_ARGUMENT", "INVALID_IMAGE"]).toContain(error.code);
    expect(await generator.generateImages("hello", { seed: 1 })).toHaveLength(1);
  });

  it("a prompt that the context has no room for", async () => {
    const { code, message } = await failure(generator.generateImages("word ".repeat(60)));
    expect(code).toBe("CONTEXT_OVERFLOW");
    expect(message).toMatch(
      /at most \d+ tokens for the context but received a prompt of 301 tokens before an image of 16/,
    );
    expect(await generator.generateImages("hello", { seed: 1 })).toHaveLength(1);
  });

  it("what is no prompt", async () => {
    expect(await failure(generator.generateImages(3 as unknown as string))).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("logits that are not numbers", async () => {
    const file = await readGguf(tiny.llm);
    const data = await readGgufTensor(file, "output.weight");
    data.fill(Number.NaN, (tiny.vocabulary.firstToken + 5) * 64, (tiny.vocabulary.firstToken + 6) * 64);
    const { shape } = file.tensors.get("output.weight")!;
    const path = `${tiny.llm}.nan`;
    await rewriteGguf(tiny.llm, path, { tensors: [{ name: "output.weight", type: "F32", shape, data }] });
    const broken = await load(path);
    for (const given of [{}, { temperature: 0 }]) {
      const error = await failure(broken.generateImages("hello", given));
      expect(error).toMatchObject({ code: "RUNTIME", message: expect.stringContaining("visual id 5") });
    }
    await broken.dispose();
  });
});

it("a generator that was disposed says so, in the middle of a call too", async () => {
  const generator = await load(tiny.llm);
  const events = generator.generate("hello");
  await events.next();
  await generator.dispose();
  await generator.dispose();
  const rest = async () => {
    for await (const _ of events);
  };
  expect(await failure(rest())).toMatchObject({ code: "DISPOSED" });
  expect(await failure(generator.generateImages("hello"))).toMatchObject({ code: "DISPOSED" });
});

it("a tokenizer that only decodes makes images, and cannot go on from one", async () => {
  const tokenizer = await VQRAE.load(tiny.tokenizer);
  const decoder: Decoder = {
    info: tokenizer.info,
    decode: tokenizer.decode.bind(tokenizer) as Decoder["decode"],
    codebookVectors: (ids) => tokenizer.codebookVectors(ids),
    [Symbol.asyncDispose]: async () => {},
  };
  const generator = await loadGenerator({ llm: tiny.llm, tokenizer: decoder }, options);
  expect(await generator.generateImages("hello", { seed: 1 })).toHaveLength(1);
  const image = { data: new Uint8Array(12), width: 2, height: 2 };
  expect(await failure(generator.generateImages("hello", { continueImage: { image, rows: 1 } }))).toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining("a tokenizer that encodes"),
  });
  await generator.dispose();
  await tokenizer.dispose();
});

it("a layout is recorded only where the tokens are", async () => {
  const { vocabulary, llm } = tiny;
  const plain = `${llm}.plain`;
  expect(await failure(recordVocabulary(plain, `${llm}.recorded`, vocabulary))).toMatchObject({
    code: "INCOMPATIBLE",
    message: expect.stringContaining(`at least ${vocabulary.firstToken + 64} tokens`),
  });
  const bare = `${llm}.bare`;
  await rewriteGguf(llm, bare, { without: (key) => key.startsWith("vqrae.visual.") });
  await recordVocabulary(bare, bare, vocabulary, { inPlace: true });
  await (await load(bare)).dispose();
  await expect(
    expandVocabulary(bare, `${llm}.twice`, { codebookSize: 4, grid: { rows: 1, columns: 1 } }),
  ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});
