import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SequenceBatch } from "../../../adapters/llama-cpp/index.ts";
import { tinyArchitectures, writeTinyLlm } from "../../helpers/tiny-llm.ts";

let folder: string;
let llama: Llama;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-sequence-batch-"));
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Sums are rounded otherwise in batches of another size; logits are some units large. */
const ROUNDING = 1e-4;

/** The model's logits after each prefix of `tokens` from `from` tokens on, by node-llama-cpp's own evaluation. */
async function evaluated(model: LlamaModel, tokens: readonly number[], from: number): Promise<number[][]> {
  const context = await model.createContext({ contextSize: 256, batchSize: 32, threads: 1 });
  const input = tokens.map((token, i) =>
    i >= from - 1 ? ([token as Token, { generateNext: { logits: true as const } }] as const) : (token as Token),
  );
  const sequence = context.getSequence();
  const results = await sequence.controlledEvaluate(input as Parameters<typeof sequence.controlledEvaluate>[0]);
  await context.dispose();
  return results.flatMap((result) => {
    const logits = result?.next.logits as unknown as Map<number, number> | undefined;
    return logits ? [[...logits].sort(([a], [b]) => a - b).map(([, logit]) => logit)] : [];
  });
}

describe.each(tinyArchitectures)("%s", (architecture) => {
  let model: LlamaModel;
  let size: number;
  beforeAll(async () => {
    const tiny = await writeTinyLlm(join(folder, `${architecture}.gguf`), architecture);
    size = tiny.tokens.length;
    model = await llama.loadModel({ modelPath: tiny.path });
  });
  afterAll(() => model.dispose());

  // The first is longer than a batch of 32, so that the two are spread over several decodes.
  const long = Array.from({ length: 45 }, (_, i) => 20 + ((i * 7) % 200));
  const short = Array.from({ length: 9 }, (_, i) => 100 - i);
  const steps = [61, 34, 150, 88];

  it("two sequences in one batch give the logits that each has alone, at every step", async () => {
    const context = await model.createContext({ contextSize: 256, batchSize: 32, threads: 1, sequences: 3 });
    const busy = context.getSequence(); // so that the batch's sequences are not those from 0 on
    await busy.evaluateWithoutGeneratingNewTokens(short as Token[]);
    const batch = await SequenceBatch.open(context, 2);
    const [first, count] = [5, size - 5];
    const [together, apart]: [number[][], number[][]] = [[], []];
    let next: readonly (readonly number[])[] = [long, short];
    for (const step of [...steps, 0]) {
      const [a, b] = await batch.append(next, { first, count });
      together.push([...a!]);
      apart.push([...b!]);
      next = [[step], [step]];
    }
    expect(batch.lengths).toEqual([long.length + steps.length, short.length + steps.length]);
    await batch[Symbol.asyncDispose]();
    expect(context.sequencesLeft).toBe(2);
    expect(busy.nextTokenIndex).toBe(short.length);
    await context.dispose();

    for (const [found, prompt] of [
      [together, long],
      [apart, short],
    ] as const) {
      const expected = await evaluated(model, [...prompt, ...steps], prompt.length);
      expect(found).toHaveLength(expected.length);
      for (const [i, logits] of expected.entries()) {
        const differences = logits.slice(first).map((logit, id) => Math.abs(logit - found[i]![id]!));
        expect(differences).toHaveLength(count);
        expect(Math.max(...differences)).toBeLessThan(ROUNDING);
      }
    }
  });
});

describe.each(tinyArchitectures)("copies and tokens that are taken back: %s", (architecture) => {
  let model: LlamaModel;
  let range: { first: number; count: number };
  beforeAll(async () => {
    const tiny = await writeTinyLlm(join(folder, `${architecture}-copies.gguf`), architecture);
    model = await llama.loadModel({ modelPath: tiny.path });
    range = { first: 0, count: tiny.tokens.length };
  });
  afterAll(() => model.dispose());

  const prompt = Array.from({ length: 45 }, (_, i) => 20 + ((i * 7) % 200));
  const steps = [61, 34, 150];

  it("a copy goes on as the sequence would, to the bit, and the sequence as if there were none", async () => {
    const context = await model.createContext({ contextSize: 128, batchSize: 64, threads: 1, sequences: 4 });
    const batch = await SequenceBatch.open(context, 4);
    await batch.append([prompt], range, { sequences: [0] });
    await batch.append([[9, 8, 7]], range, { sequences: [2] }); // what is there is gone with the copy
    batch.copy(0, 2);
    batch.copy(2, 3);
    expect(batch.lengths).toEqual([45, 0, 45, 45]);
    for (const step of steps) {
      const [own] = await batch.append([[step]], range, { sequences: [0] });
      const [copy] = await batch.append([[step]], range, { sequences: [2] });
      const [copyOfCopy] = await batch.append([[step]], range, { sequences: [3] });
      expect(copy).toEqual(own);
      expect(copyOfCopy).toEqual(own);
    }
    await batch[Symbol.asyncDispose]();

    const alone = await SequenceBatch.open(context, 1);
    await alone.append([prompt], range);
    const first = await alone.append([[steps[0]!]], range);
    await alone.takeBack([0]);
    expect(alone.lengths).toEqual([45]);
    await alone.append([[3]], range);
    await alone.takeBack([0]);
    expect(await alone.append([[steps[0]!]], range)).toEqual(first);
    await alone[Symbol.asyncDispose]();
    expect(context.sequencesLeft).toBe(4);
    await context.dispose();
  });
});

describe("a batch of sequences", () => {
  let model: LlamaModel;
  beforeAll(async () => {
    const tiny = await writeTinyLlm(join(folder, "plain.gguf"), "qwen3");
    model = await llama.loadModel({ modelPath: tiny.path });
  });
  afterAll(() => model.dispose());
  const contextOf = () => model.createContext({ contextSize: 64, batchSize: 32, threads: 1, sequences: 2 });
  const range = { first: 0, count: 8 };

  it("refuses more sequences than are free", async () => {
    const context = await contextOf();
    await expect(SequenceBatch.open(context, 3)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("2"),
    });
    await context.dispose();
  });

  it("refuses sequences that are not there, in every call that takes some", async () => {
    const context = await contextOf();
    const batch = await SequenceBatch.open(context, 2);
    for (const sequences of [[2], [1, 0], [0, 0], [], [-1], [0.5]]) {
      const appended = batch.append([[1], [2]].slice(0, sequences.length), range, { sequences });
      await expect(appended).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    for (const [from, to] of [
      [0, 0],
      [0, 2],
      [-1, 0],
    ] as const) {
      expect(() => batch.copy(from, to)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
    await expect(batch.takeBack([0])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(batch.takeBack([7])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(batch.lengths).toEqual([0, 0]);
    await batch[Symbol.asyncDispose]();
    await context.dispose();
  });

  it.each([
    ["a token that the vocabulary lacks", [[1], [99_999]], range, "INVALID_ARGUMENT"],
    ["no tokens", [[1], []], range, "INVALID_ARGUMENT"],
    ["another number of lists", [[1]], range, "INVALID_ARGUMENT"],
    ["more tokens than the context", [[1], Array.from({ length: 300 }, () => 1)], range, "CONTEXT_OVERFLOW"],
    ["logits that the vocabulary lacks", [[1], [1]], { first: 10, count: 99_999 }, "INVALID_ARGUMENT"],
    ["no logits", [[1], [1]], { first: 10, count: 0 }, "INVALID_ARGUMENT"],
  ])("refuses %s, and goes on as if nothing had been asked", async (_, tokens, logits, code) => {
    const context = await contextOf();
    const batch = await SequenceBatch.open(context, 2);
    const whole = await batch.append([[1, 2], [3]], range);
    await expect(batch.append(tokens, logits)).rejects.toMatchObject({ code });
    expect(batch.lengths).toEqual([2, 1]);
    const after = await batch.append([[4], [5]], range);
    await batch[Symbol.asyncDispose]();

    const again = await SequenceBatch.open(context, 2);
    expect(await again.append([[1, 2], [3]], range)).toEqual(whole);
    expect(await again.append([[4], [5]], range)).toEqual(after);
    await context.dispose();
    await expect(again.append([[4], [5]], range)).rejects.toMatchObject({ code: "DISPOSED" });
    await again[Symbol.asyncDispose]();
  });
});
