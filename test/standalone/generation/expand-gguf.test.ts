import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expandVocabulary, type NewRows } from "../../../adapters/generation/index.ts";
import { readVisualVocabulary } from "../../../adapters/generation/vocabulary/metadata.ts";
import {
  encodeGgufTensor,
  type GgufFloatType,
  ggufValue,
  readGguf,
  readGgufTensor,
  readGgufTensorBytes,
  rewriteGguf,
} from "../../../adapters/gguf/index.ts";
import { gaussian, uniform } from "../../helpers/random.ts";
import { type TinyArchitecture, writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";

const CODES = 40;
const WIDTH = 64;
const options = { codebookSize: CODES, grid: { rows: 2, columns: 3 }, tokenizer: "some" };

/** A tiny language model, its embeddings and output layer stored as `type`. */
async function languageModel(architecture: TinyArchitecture, type: GgufFloatType = "F32") {
  const folder = await temporaryFolder();
  const plain = await writeTinyLlm(join(folder, "plain.gguf"), architecture);
  if (type === "F32") return { ...plain, target: join(folder, "expanded.gguf") };
  const file = await readGguf(plain.path);
  const names = ["token_embd.weight", "output.weight"].filter((name) => file.tensors.has(name));
  const tensors = names.map(async (name) => ({
    name,
    type,
    shape: file.tensors.get(name)!.shape,
    data: encodeGgufTensor(type, await readGgufTensor(file, name)),
  }));
  const path = join(folder, `${type}.gguf`);
  await rewriteGguf(plain.path, path, { tensors: await Promise.all(tensors) });
  return { ...plain, path, target: join(folder, "expanded.gguf") };
}

const statistics = (rows: Float32Array) => {
  const count = rows.length / WIDTH;
  const mean = Float64Array.from({ length: WIDTH }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += rows[row * WIDTH + column]!;
    return sum / count;
  });
  const squares = rows.reduce((sum, value, i) => sum + (value - mean[i % WIDTH]!) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / rows.length) };
};

describe.each(["qwen3", "gemma3", "llama"] as const)("%s", (architecture) => {
  it.each(["F32", "F16", "BF16", "Q8_0"] as const)(
    "%s rows are kept byte for byte, the new ones are their mean",
    async (type) => {
      const { path, target, tokens } = await languageModel(architecture, type);
      const vocabulary = await expandVocabulary(path, target, options);
      const [before, after] = [await readGguf(path), await readGguf(target)];
      expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
      for (const { name } of before.tensors.values()) {
        const [old, own] = [await readGgufTensorBytes(before, name), await readGgufTensorBytes(after, name)];
        expect(Buffer.compare(own.subarray(0, old.length), old)).toBe(0);
        if (!["token_embd.weight", "output.weight"].includes(name)) {
          expect(own).toHaveLength(old.length);
          continue;
        }
        const rows = await readGgufTensor(after, name);
        const kept = rows.subarray(0, tokens.length * WIDTH);
        const { mean } = statistics(kept);
        expect(after.tensors.get(name)).toMatchObject({ type, shape: [tokens.length + 2 + CODES, WIDTH] });
        for (let at = kept.length; at < rows.length; at++) {
          expect(Math.abs(rows[at]! - mean[at % WIDTH]!)).toBeLessThan(2e-3);
        }
      }
      expect(readVisualVocabulary(after)).toEqual(vocabulary);
      const list = (key: string) => after.metadata.get(`tokenizer.ggml.${key}`)?.value as unknown[] | undefined;
      expect(list("tokens")!.slice(vocabulary.boiToken, vocabulary.firstToken + 1)).toEqual([
        "<|boi|>",
        "<|eoi|>",
        "<|visual_0|>",
      ]);
      expect(list("tokens")!.at(-1)).toBe(`<|visual_${CODES - 1}|>`);
      expect(new Set(list("token_type")!.slice(tokens.length))).toEqual(new Set([3]));
      for (const key of ["token_type", "scores"])
        if (list(key)) expect(list(key)).toHaveLength(tokens.length + 2 + CODES);
    },
  );
});

describe("llama.cpp reads what comes out", () => {
  let llama: Llama;
  beforeAll(async () => {
    llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  });
  afterAll(() => llama.dispose());

  it.each(["qwen3", "gemma3", "llama"] as const)(
    "%s: text has the same tokens and, among text, the same logits",
    async (architecture) => {
      const { path, target, tokens } = await languageModel(architecture);
      const { firstToken } = await expandVocabulary(path, target, options);
      const found = [];
      for (const modelPath of [path, target]) {
        const model = await llama.loadModel({ modelPath });
        const context = await model.createContext({ contextSize: 64, threads: 1 });
        const sequence = context.getSequence();
        const text = model.tokenize("hello what", true);
        const input = text.map((token, i) =>
          i === text.length - 1 ? [token, { generateNext: { logits: true } }] : token,
        );
        const results = await sequence.controlledEvaluate(input as Parameters<typeof sequence.controlledEvaluate>[0]);
        const logits = results.at(-1)!.next.logits as unknown as Map<Token, number>;
        found.push({ text, logits: tokens.map((_, token) => logits.get(token as Token)) });
        if (modelPath === target) expect(model.tokenize("<|visual_3|>", true)).toEqual([firstToken + 3]);
        await model.dispose();
      }
      expect(found[1]).toEqual(found[0]);
    },
  );
});

describe("rows of a codebook", () => {
  const around = async (rows: NewRows) => {
    const { path, target, tokens } = await languageModel("qwen3");
    const { firstToken } = await expandVocabulary(path, target, { ...options, rows });
    const found: Record<string, { old: Float32Array; visual: Float32Array }> = {};
    for (const name of ["token_embd.weight", "output.weight"]) {
      const all = await readGgufTensor(await readGguf(target), name);
      found[name] = { old: all.subarray(0, tokens.length * WIDTH), visual: all.subarray(firstToken * WIDTH) };
    }
    return found;
  };

  it.each([
    ["narrower", 16],
    ["as wide", WIDTH],
    ["wider", 200],
  ])(
    "%s than the model lie around the mean, as far from it as other rows, near where their codes are near",
    async (_, dim) => {
      const codebook = gaussian(uniform(3), CODES * dim, 7);
      codebook.copyWithin(dim, 0, dim); // code 1 is code 0, nearly
      codebook[dim]! += 0.01;
      for (const { old, visual } of Object.values(await around({ codebook }))) {
        const [before, after] = [statistics(old), statistics(visual)];
        expect(after.deviation / before.deviation).toBeCloseTo(1, 2);
        for (const [i, mean] of before.mean.entries()) expect(after.mean[i]).toBeCloseTo(mean, 5);
        const distance = (a: number, b: number) =>
          Math.hypot(...Array.from({ length: WIDTH }, (_, i) => visual[a * WIDTH + i]! - visual[b * WIDTH + i]!));
        expect(distance(0, 1)).toBeLessThan(0.02 * distance(0, 2));
      }
    },
  );

  it("follow from the seed", async () => {
    const codebook = gaussian(uniform(3), CODES * 16, 1);
    const embeddings = async (seed: number) => (await around({ codebook, seed }))["token_embd.weight"]!.visual;
    expect(await embeddings(1)).toEqual(await embeddings(1));
    expect(await embeddings(1)).not.toEqual(await embeddings(2));
  });

  it("given as they are stay as they are", async () => {
    const rows = { embeddings: gaussian(uniform(1), CODES * WIDTH, 1), output: gaussian(uniform(2), CODES * WIDTH, 1) };
    const found = await around(rows);
    expect(found["token_embd.weight"]!.visual).toEqual(rows.embeddings);
    expect(found["output.weight"]!.visual).toEqual(rows.output);
  });
});

describe("refuses", () => {
  const wrong: [string, object, string][] = [
    ["no codes", { codebookSize: 0 }, "codebookSize"],
    ["a grid without rows", { grid: { rows: 0, columns: 3 } }, 'option "rows" of expandVocabulary\'s grid'],
    ["a format without the prompt's place", { promptFormat: "a picture" }, "{prompt}"],
    ["a codebook of another size", { rows: { codebook: new Float32Array(7) } }, `${CODES} rows`],
    [
      "embeddings of another width",
      { rows: { embeddings: new Float32Array(CODES), output: new Float32Array(1) } },
      `${CODES} x ${WIDTH}`,
    ],
    ["embeddings without the output layer's", { rows: { embeddings: new Float32Array(CODES * WIDTH) } }, "`output`"],
  ];
  it.each(wrong)("%s", async (_, changes, message) => {
    const { path, target } = await languageModel("qwen3");
    const error = await failure(expandVocabulary(path, target, { ...options, ...changes }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
    await expect(readGguf(target)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  });

  it("a model that has visual tokens, or tokens of their names", async () => {
    const { path, target } = await languageModel("qwen3");
    await expandVocabulary(path, target, options);
    expect(await failure(expandVocabulary(target, `${target}.again`, options))).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await rewriteGguf(target, `${target}.plain`, { without: (name) => name.startsWith("vqrae.") });
    const { message } = await failure(expandVocabulary(`${target}.plain`, `${target}.again`, options));
    expect(message).toContain("<|boi|>");
  });

  it("rows that it cannot write, with the mend", async () => {
    const { path, target } = await languageModel("qwen3");
    const file = await readGguf(path);
    const { shape } = file.tensors.get("token_embd.weight")!;
    const rows = shape[0]!;
    const data = new Uint8Array((rows * WIDTH * 18) / 32);
    await rewriteGguf(path, `${path}.q4`, { tensors: [{ name: "token_embd.weight", type: "Q4_0", shape, data }] });
    expect(await failure(expandVocabulary(`${path}.q4`, target, options))).toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("llama-quantize"),
    });
  });

  it("another tensor with a row for each token", async () => {
    const { path, target, tokens } = await languageModel("qwen3");
    const tensor = { name: "per_layer_token_embd.weight", type: "F32" as const, shape: [tokens.length, 2] };
    await rewriteGguf(path, `${path}.more`, { tensors: [{ ...tensor, data: new Float32Array(2 * tokens.length) }] });
    const error = await failure(expandVocabulary(`${path}.more`, target, options));
    expect(error).toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("per_layer_token_embd") });
  });

  it("a file that is no language model, or not there", async () => {
    const { path, target } = await languageModel("qwen3");
    await rewriteGguf(path, `${path}.none`, { without: (name) => name === "tokenizer.ggml.tokens" });
    expect(await failure(expandVocabulary(`${path}.none`, target, options))).toMatchObject({ code: "INVALID_GGUF" });
    expect(await failure(expandVocabulary("nowhere.gguf", target, options))).toMatchObject({
      code: "CHECKPOINT_NOT_FOUND",
    });
  });
});

it("a size among the metadata grows too", async () => {
  const { path, target, tokens } = await languageModel("llama");
  await rewriteGguf(path, `${path}.sized`, { metadata: [["llama.vocab_size", ggufValue.uint32(tokens.length)]] });
  await expandVocabulary(`${path}.sized`, target, options);
  expect((await readGguf(target)).metadata.get("llama.vocab_size")?.value).toBe(tokens.length + 2 + CODES);
});
