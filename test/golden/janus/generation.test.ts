import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImageGenerator, loadGenerator } from "../../../adapters/generation/index.ts";
import { janusPrompt, readJanusPrompts, withoutPrompt } from "../../../adapters/generation/vocabulary/janus-prompt.ts";
import { convertLlm, readGguf, rewriteGguf } from "../../../adapters/gguf/index.ts";
import { SequenceBatch } from "../../../adapters/llama-cpp/index.ts";
import { type IdHead, type LoadOptions, loadTokenizer, VQRAE } from "../../../sdk/index.ts";
import { guide } from "../../../sdk/sampling/guide.ts";
import { exactContext } from "../../helpers/exact-context.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { largestDifference, rowOf } from "../expected.ts";
import { drawn, numbers, tinyJanus, tinyJanusWithLlm } from "./tiny.ts";

/** Pictures of a Janus against DeepSeek's own code (make_janus.py): prompts, logits with guidance, ids, pixels. */

/** Of guided logits of up to 58. */
const TOLERANCE = 5e-4;
const GUIDANCE = 5;

const root = await mkdtemp(join(tmpdir(), "janus-"));
const folder = await tinyJanusWithLlm(join(root, "janus"));
const llm = join(folder, "llm.gguf");
afterAll(() => rm(root, { recursive: true, force: true }));

describe("the language model and the head", () => {
  let llama: Llama;
  let model: LlamaModel;
  let tokenizer: VQRAE;
  let head: IdHead;
  beforeAll(async () => {
    llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
    model = await llama.loadModel({ modelPath: llm });
    tokenizer = await VQRAE.load(folder, { device: "cpu", threads: 1 });
    if (tokenizer.idHead === null) throw new Error("no head");
    head = tokenizer.idHead;
  });
  afterAll(async () => {
    await tokenizer.dispose();
    await llama.dispose();
  });

  it.each(drawn)("writes the prompt of $text with DeepSeek's ids", async ({ text, prompt }) => {
    const prompts = readJanusPrompts(await readGguf(llm));
    const ids = janusPrompt(prompts, text, (own) => model.tokenize(own));
    expect(ids).toEqual(prompt);
    expect(new Set(withoutPrompt(prompts, ids).slice(1, -1))).toEqual(new Set([prompts.pad]));
  });

  it.each([
    ["random", "forced", "teacher"],
    ["the likeliest", "ids", "logits"],
  ] as const)("gives the logits of %s ids", async (_, chosen, expected) => {
    const prompts = readJanusPrompts(await readGguf(llm));
    const context = await model.createContext({ contextSize: 256, sequences: 2, ...exactContext });
    for (const [i, one] of drawn.entries()) {
      const batch = await SequenceBatch.open(context, 2);
      const rows: Float32Array[] = [];
      let states = await batch.hiddenStates([one.prompt, withoutPrompt(prompts, one.prompt)]);
      for (const id of one[chosen]) {
        const logits = await head.predictIds(Float32Array.from([...states[0]!, ...states[1]!]));
        rows.push(guide(logits.slice(0, 64), logits.slice(64), GUIDANCE));
        const embedded = await head.embedIds([id, id]);
        states = await batch.hiddenStates([embedded.slice(0, 32), embedded.slice(32)]);
      }
      const all = rows.flatMap((row) => [...row]);
      expect(largestDifference(all, rowOf(numbers[expected]!, i))).toBeLessThan(TOLERANCE);
      await batch[Symbol.asyncDispose]();
    }
    await context.dispose();
  });

  it("refuses ids that are no codes, and other widths", async () => {
    expect(head).toMatchObject({ width: 32, codebookSize: 64 });
    await expect(head.embedIds([64])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(head.predictIds(new Float32Array(33))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const context = await model.createContext({ contextSize: 256, sequences: 2, threads: 1 });
    const batch = await SequenceBatch.open(context, 2);
    const [wide, row] = [new Float32Array(33), new Float32Array(32)];
    for (const inputs of [[wide, wide], [[308], [1]], [row, [1]], [row], [new Float32Array(0), row]]) {
      const refused = batch.hiddenStates(inputs as Float32Array[]);
      await expect(refused).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(batch.lengths).toEqual([0, 0]);
    await batch[Symbol.asyncDispose]();
    await context.dispose();
  });
});

describe("the generator", () => {
  let generator: ImageGenerator;
  const details: (string | undefined)[] = [];
  beforeAll(async () => {
    const options = { gpu: false, device: "cpu", imagesAtOnce: 2 } as const;
    const onLoad: LoadOptions["onProgress"] = ({ detail }) => details.push(detail);
    generator = await loadGenerator({ llm: folder, tokenizer: folder }, { ...options, onLoad });
  });
  afterAll(() => generator.dispose());

  it("says what it is, and its licence", () => {
    expect(generator.info).toMatchObject({
      modelId: "janus",
      grid: { rows: 8, columns: 8 },
      codebookSize: 64,
      outputSize: { width: 16, height: 16 },
      sampling: { guidanceScale: 5, temperature: 1, topK: 0, topP: 1 },
      guidance: true,
    });
    expect(details).toContainEqual(expect.stringMatching(/DeepSeek model licence/));
  });

  it.each(drawn.map((one, i) => [one.text, i] as const))("draws DeepSeek's ids and pixels of %j", async (text, i) => {
    const [picture] = await generator.generateImages(text, { temperature: 0, seed: 1 });
    expect([...picture!.ids]).toEqual(drawn[i]!.ids);
    expect(largestDifference(picture!.image.data, rowOf(numbers.pictures!, i))).toBeLessThanOrEqual(1);
  });

  it("draws the same with a seed, alone and in a batch, and others without guidance", async () => {
    const text = drawn[0]!.text;
    const pair = await generator.generateImages(text, { seed: 7, n: 2 });
    const [second] = await generator.generateImages(text, { seed: 8 });
    expect(second!.ids).toEqual(pair[1]!.ids);
    expect(pair[0]!.ids).not.toEqual(pair[1]!.ids);
    const [plain] = await generator.generateImages(text, { seed: 7, guidanceScale: 1 });
    expect(plain!.ids).not.toEqual(pair[0]!.ids);
  });

  it("goes on from ids as it would have, had it drawn them", async () => {
    const { text, ids } = drawn[1]!;
    const [picture] = await generator.generateImages(text, { temperature: 0, continueImage: { ids, rows: 3 } });
    expect([...picture!.ids]).toEqual(ids);
  });

  it("ends at an abort, and stays usable", async () => {
    const abort = new AbortController();
    const events = generator.generate(drawn[0]!.text, { signal: abort.signal, previewRows: 0 });
    await events.next();
    abort.abort(new Error("enough"));
    await expect(events.next()).rejects.toThrow("enough");
    const [picture] = await generator.generateImages(drawn[0]!.text, { temperature: 0 });
    expect([...picture!.ids]).toEqual(drawn[0]!.ids);
  });

  it("refuses a prompt that the context has no room for", async () => {
    const drawing = generator.generateImages("word ".repeat(600));
    await expect(drawing).rejects.toMatchObject({ code: "CONTEXT_OVERFLOW" });
  });
});

describe.each(["exact", "always"] as const)("images of one call, in batches (%s)", (batch) => {
  let generator: ImageGenerator;
  beforeAll(async () => {
    const options = { gpu: false, device: "cpu", imagesAtOnce: 3, batch, threads: 1 } as const;
    generator = await loadGenerator({ llm: folder, tokenizer: folder }, options);
  });
  afterAll(() => generator.dispose());

  it("draws DeepSeek's ids and pixels of each prompt", async () => {
    const texts = drawn.map(({ text }) => text);
    const images = await generator.generateImages(texts, { n: 2, temperature: 0, seed: 1 });
    expect(images.map(({ index }) => index)).toEqual(Array.from({ length: 2 * texts.length }, (_, i) => i));
    for (const { index, ids, image } of images) {
      const own = Math.floor(index / 2);
      expect([...ids]).toEqual(drawn[own]!.ids);
      expect(largestDifference(image.data, rowOf(numbers.pictures!, own))).toBeLessThanOrEqual(1);
    }
  });

  it("draws each image by its own seed; one that is stopped leaves the others as they are", async () => {
    const text = drawn[0]!.text;
    const images = await generator.generateImages(text, { n: 5, seed: 7 });
    expect(new Set(images.map(({ ids }) => String(ids))).size).toBe(5);
    const again = await generator.generateImages(text, { n: 5, seed: 7 });
    expect(again.map(({ ids }) => ids)).toEqual(images.map(({ ids }) => ids));
    const gone = AbortSignal.abort(new Error("enough"));
    const imageSignals = [undefined, gone, undefined, undefined, undefined];
    const others = await generator.generateImages(text, { n: 5, seed: 7, imageSignals });
    expect(others.map(({ index }) => index)).toEqual([0, 2, 3, 4]);
    if (batch === "always") return; // sums round by how many there are
    for (const { index, ids, seed } of others) {
      expect(ids).toEqual(images[index]!.ids);
      expect((await generator.generateImages(text, { seed }))[0]!.ids).toEqual(ids);
    }
  });
});

describe("what does not belong together is refused", () => {
  const failing = (llm: string, tokenizer: string, more: object = {}) =>
    loadGenerator({ llm, tokenizer, ...more }, { gpu: false, device: "cpu" });

  it("a tokenizer without the head", async () => {
    const bare = join(import.meta.dirname, "../vqgan/janus");
    await expect(failing(llm, bare)).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/Expected a tokenizer with Janus' generation_head.*deepseek-community\/Janus-Pro/),
    });
    await expect(failing(llm, "default")).rejects.toMatchObject({ code: "INCOMPATIBLE" });
  });

  it("a head of another width, and one of another codebook", async () => {
    const other = join(root, "wide");
    await tinyJanus(other);
    const config = JSON.parse(await readFile(join(other, "config.json"), "utf8"));
    await writeFile(
      join(other, "config.json"),
      JSON.stringify({ ...config, vq_config: { ...config.vq_config, num_embeddings: 32 } }),
    );
    await expect(failing(llm, other)).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });
    const narrow = join(root, "narrow.gguf");
    const { metadata } = await readGguf(llm);
    const width = metadata.get("llama.embedding_length")!;
    await rewriteGguf(
      llm,
      narrow,
      { metadata: [["llama.embedding_length", { ...width, value: 64 } as typeof width]] },
      {},
    );
    await expect(failing(narrow, folder)).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/Expected a language model of width 32.*width 64.*Janus-Pro-1B and Janus-Pro-7B/),
    });
  });

  it("a language model of text alone, by a folder and by a loaded tokenizer, and Tar's", async () => {
    const [text, tar] = [join(root, "text.gguf"), join(root, "tar.gguf")];
    await writeTinyLlm(text, "llama");
    await convertLlm(join(import.meta.dirname, "../tar/qwen2"), tar, { preTokenizer: "qwen2" });
    const expected = {
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/Expected Janus' language model.*without the token <begin_of_image>.*convert-llm/),
    };
    await expect(failing(text, folder)).rejects.toMatchObject(expected);
    await expect(failing(tar, folder)).rejects.toMatchObject(expected);
    const tokenizer = await VQRAE.load(folder, { device: "cpu", threads: 1 });
    await expect(loadGenerator({ llm: text, tokenizer })).rejects.toMatchObject(expected);
    await tokenizer.dispose();
    await expect(failing(text, "default")).rejects.toMatchObject({ code: "INVALID_GGUF" });
  });

  it("a llama-server, a folder without a language model, and a head that lacks a part", async () => {
    await expect(failing(llm, folder, { server: "http://127.0.0.1:1" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    await expect(failing(import.meta.dirname, folder)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    const broken = join(root, "broken");
    await tinyJanus(broken);
    const index = join(broken, "model.safetensors.index.json");
    const json = JSON.parse(await readFile(index, "utf8"));
    delete json.weight_map["model.generation_aligner.fc1.weight"];
    await writeFile(index, JSON.stringify(json));
    await expect(loadTokenizer(broken)).rejects.toMatchObject({ code: "INVALID_CHECKPOINT" });
  });
});
