import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, type LlamaContext, LlamaLogLevel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { GgufFloatType } from "../../../adapters/gguf/index.ts";
import { attachVision } from "../../../adapters/llama-cpp/index.ts";
import type { ImageSegment } from "../../../sdk/index.ts";
import { imageBytes, row, rowEmbedder } from "../../helpers/row-embedder.ts";
import { type TinyArchitecture, writeTinyLlm } from "../../helpers/tiny-llm.ts";

let folder: string;
let llama: Llama;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-joined-"));
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** llama.cpp sums in another order in batches of another size; logits of these models are about 10. */
const ROUNDING = 1e-4;
const cat = Array.from({ length: 40 }, (_, i) => 40 + i);
const dog = Array.from({ length: 12 }, (_, i) => 90 + i);
const marked = (segment: ImageSegment): { segments: ImageSegment[] } => ({
  segments: [{ type: "text", text: "<|vision_start|>" }, segment, { type: "text", text: "<|vision_end|>" }],
});

/** A context that sees two images between markers, and how often node-llama-cpp decoded in it. */
async function open(architecture: TinyArchitecture, tableType: GgufFloatType, attention: "causal" | "full" = "causal") {
  const file = join(folder, `${architecture}-${tableType}.gguf`);
  const tiny = await writeTinyLlm(file, architecture, { tableType });
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({ contextSize: 256, batchSize: 32, threads: 1 });
  const images = [row(cat, tiny, attention), row(dog, tiny, attention)].map(marked);
  // The first is larger than a batch, which embeddings that attend to each other must not be.
  const { tokenizer } = rowEmbedder(tiny.embeddingDim, attention === "full" ? images.slice(1) : images);
  const vision = await attachVision(context, { tokenizer });
  const addon = (context as unknown as { _ctx: { decodeBatch(): Promise<void> } })._ctx;
  return { tiny, model, context, vision, textDecodes: vi.spyOn(addon, "decodeBatch") };
}

/** Logits after the last of `parts`, each of which is decoded in a request of its own. */
async function logitsAfter(context: LlamaContext, parts: readonly (readonly Token[])[]): Promise<Map<Token, number>> {
  const sequence = context.getSequence();
  for (const part of parts.slice(0, -1)) await sequence.evaluateWithoutGeneratingNewTokens([...part]);
  const input = parts
    .at(-1)!
    .map((token, i, { length }) =>
      i === length - 1 ? ([token, { generateNext: { logits: true as const } }] as const) : token,
    );
  const results = await sequence.controlledEvaluate(input as Parameters<typeof sequence.controlledEvaluate>[0]);
  const used = sequence.tokenMeter.usedInputTokens + sequence.tokenMeter.usedOutputTokens;
  expect(used).toBe(parts.flat().length);
  expect(sequence.nextTokenIndex).toBe(parts.flat().length);
  await sequence.dispose();
  return results.at(-1)!.next.logits as unknown as Map<Token, number>;
}

const largestDifference = (a: ReadonlyMap<Token, number>, b: ReadonlyMap<Token, number>) =>
  Math.max(...[...a].map(([token, logit]) => Math.abs(logit - b.get(token)!)));

const cases = (["llama", "qwen3"] as const).flatMap((architecture) =>
  (["F32", "F16", "BF16", "Q8_0"] as const).map((type) => [architecture, type] as const),
);

describe.each(cases)("text beside images of a %s model whose table is %s", (architecture, type) => {
  it("gives the logits that it gives in calls of its own, and those of the images' tokens to the bit", async () => {
    const { model, context, vision, textDecodes } = await open(architecture, type);
    const placed = [await vision.image(imageBytes(0)), await vision.image(imageBytes(1))];
    const [before, between, after] = [model.tokenize("see ", true), model.tokenize("and"), model.tokenize("what")];
    const [first, second] = placed.map((text) => model.tokenize(text)) as [Token[], Token[]];

    textDecodes.mockClear();
    const logits = await logitsAfter(context, [[...before, ...first, ...between, ...second, ...after]]);
    expect(textDecodes).toHaveBeenCalledTimes(1); // what follows the last image
    // A request of text alone, or of places alone, is decoded as it stands.
    const cut = (image: Token[]) => [image.slice(0, 1), image.slice(1, -1), image.slice(-1)];
    const apart = await logitsAfter(context, [before, ...cut(first), between, ...cut(second), after]);
    expect(largestDifference(apart, logits)).toBeLessThan(ROUNDING);
    const read = (image: Token[], tokens: readonly number[]) => [image[0]!, ...(tokens as Token[]), image.at(-1)!];
    const plain = await logitsAfter(context, [
      [...before, ...read(first, cat), ...between, ...read(second, dog)],
      after,
    ]);
    expect(logits).toEqual(plain);
    await model.dispose();
  });
});

describe("text beside images is decoded in calls of its own", () => {
  it.each([
    ["where the model scales its token embeddings", "gemma3", "causal"],
    ["where an image's embeddings attend to each other", "qwen3", "full"],
  ] as const)("%s", async (_, architecture, attention) => {
    const { model, context, vision, textDecodes } = await open(architecture, "F32", attention);
    const tokens = model.tokenize(`see ${await vision.image(imageBytes(0))} what`, true);
    textDecodes.mockClear();
    await logitsAfter(context, [tokens]);
    expect(textDecodes).toHaveBeenCalledTimes(2);
    await model.dispose();
  });

  it("where the model's file is gone", async () => {
    const { tiny, model, context, vision, textDecodes } = await open("qwen3", "F16");
    await rm(tiny.path);
    const tokens = model.tokenize(`see ${await vision.image(imageBytes(0))} what`, true);
    textDecodes.mockClear();
    await logitsAfter(context, [tokens]);
    expect(textDecodes).toHaveBeenCalledTimes(2);
    await model.dispose();
  });
});

describe("a failure", () => {
  it("takes out what went along with an image, and the sequence goes on", async () => {
    const { model, context, vision, textDecodes } = await open("qwen3", "Q8_0");
    const see = model.tokenize("see ", true);
    const tokens = model.tokenize(`${await vision.image(imageBytes(0))} what`, true);
    const expected = await logitsAfter(context, [see, tokens]);
    const sequence = context.getSequence();
    await sequence.evaluateWithoutGeneratingNewTokens(see);
    textDecodes.mockRejectedValueOnce(new Error("no"));
    const input = tokens.map((token, i) =>
      i === tokens.length - 1 ? ([token, { generateNext: { token: true } }] as const) : token,
    );
    const failing = sequence.controlledEvaluate(input as Parameters<typeof sequence.controlledEvaluate>[0]);
    await expect(failing).rejects.toThrow("no");
    expect(sequence.nextTokenIndex).toBe(see.length);
    expect(sequence.contextTokens).toEqual(see);
    await sequence.dispose();
    expect(await logitsAfter(context, [see, tokens])).toEqual(expected);
    await model.dispose();
  });
});
