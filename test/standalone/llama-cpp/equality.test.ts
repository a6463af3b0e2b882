import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getLlama, type Llama, type LlamaContext, LlamaLogLevel, type LlamaModel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachVision } from "../../../adapters/llama-cpp/index.ts";
import { imageBytes, row, rowEmbedder } from "../../helpers/row-embedder.ts";
import { type TinyLlm, tinyArchitectures, writeTinyLlm } from "../../helpers/tiny-llm.ts";

let folder: string;
let llama: Llama;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-llama-cpp-"));
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

const createContext = (model: LlamaModel) => model.createContext({ contextSize: 256, batchSize: 32, threads: 1 });

/** Logits of all tokens after `tokens`, of which each of `before` was decoded by itself. */
async function logitsAfter(
  context: LlamaContext,
  tokens: readonly number[],
  before: readonly (readonly number[])[] = [],
): Promise<Map<number, number>> {
  const sequence = context.getSequence();
  for (const part of before) await sequence.evaluateWithoutGeneratingNewTokens([...part] as Token[]);
  const last = tokens.length - 1;
  const input = tokens.map((token, i) =>
    i === last ? ([token as Token, { generateNext: { logits: true as const } }] as const) : (token as Token),
  );
  const results = await sequence.controlledEvaluate(input as Parameters<typeof sequence.controlledEvaluate>[0]);
  await sequence.dispose();
  return results[last]!.next.logits as unknown as Map<number, number>;
}

describe.each(tinyArchitectures)("%s", (architecture) => {
  let tiny: TinyLlm;
  let model: LlamaModel;
  beforeAll(async () => {
    tiny = await writeTinyLlm(join(folder, `${architecture}.gguf`), architecture);
    model = await llama.loadModel({ modelPath: tiny.path });
  });
  afterAll(() => model.dispose());

  // More than a batch of 32, so that an image is decoded in several.
  const places = Array.from({ length: 40 }, (_, i) => 10 + ((i * 7) % 200));

  // Where positions have several axes, only images of one embedding have the positions of text. Sums are rounded otherwise in
  // batches of another size, so those tokens are decoded one by one too.
  const oneByOne = architecture === "qwen2vl";
  it("token embeddings fed as an image give the logits of the tokens, to the bit", async () => {
    const [before, after] = [model.tokenize("see", true), model.tokenize("what", true)];
    const plain = await createContext(model);
    const alone = places.map((place) => [place]);
    const expected = await (oneByOne
      ? logitsAfter(plain, after, [before, ...alone])
      : logitsAfter(plain, [...before, ...places, ...after]));
    await plain.dispose();

    const context = await createContext(model);
    const segments = oneByOne ? places.map((place) => row([place], tiny)) : [row(places, tiny)];
    const { tokenizer } = rowEmbedder(tiny.embeddingDim, [{ segments }]);
    const vision = await attachVision(context, { tokenizer });
    const image = model.tokenize(await vision.image(imageBytes(0)), false);
    expect(image).toHaveLength(places.length);
    const logits = await logitsAfter(context, [...before, ...image, ...after]);
    await context.dispose();

    expect(logits.size).toBe(tiny.tokens.length);
    const largest = Math.max(...[...expected].map(([token, logit]) => Math.abs(logit - logits.get(token)!)));
    expect(largest).toBe(0);
  });
});
