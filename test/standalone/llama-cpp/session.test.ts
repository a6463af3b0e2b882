import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ChatMLChatWrapper,
  getLlama,
  type Llama,
  LlamaChatSession,
  type LlamaContext,
  LlamaLogLevel,
  type LlamaModel,
} from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attachVision } from "../../../adapters/llama-cpp/index.ts";
import { ContextInternals } from "../../../adapters/llama-cpp/native/node-llama-cpp.ts";
import { imageBytes, row, rowEmbedder } from "../../helpers/row-embedder.ts";
import { type TinyLlm, writeTinyLlm } from "../../helpers/tiny-llm.ts";

let folder: string;
let llama: Llama;
let tiny: TinyLlm;
let model: LlamaModel;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-session-"));
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error });
  tiny = await writeTinyLlm(join(folder, "qwen3.gguf"), "qwen3");
  model = await llama.loadModel({ modelPath: tiny.path });
});
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

const cat = Array.from({ length: 40 }, (_, i) => 40 + i);
const dog = Array.from({ length: 12 }, (_, i) => 140 - i);
const greedy = { temperature: 0, maxTokens: 8, repeatPenalty: false } as const;

const createContext = (contextSize = 512, options = {}) =>
  model.createContext({ contextSize, batchSize: 64, threads: 1, ...options });
const createSession = (context: LlamaContext, systemPrompt = "sys") =>
  new LlamaChatSession({ contextSequence: context.getSequence(), chatWrapper: new ChatMLChatWrapper(), systemPrompt });

/** cat and dog as images of one byte, 0 and 1. */
async function seeing(context: LlamaContext, cacheBytes?: number) {
  const images = [cat, dog].map((tokens) => ({
    segments: [
      { type: "text" as const, text: "<|vision_start|>" },
      row(tokens, tiny),
      { type: "text" as const, text: "<|vision_end|>" },
    ],
  }));
  const { tokenizer, embedded } = rowEmbedder(tiny.embeddingDim, images);
  return {
    vision: await attachVision(context, { tokenizer, ...(cacheBytes !== undefined && { cacheBytes }) }),
    embedded,
  };
}

/** The same tokens in a session that has no images: what `{cat}` stands for is put in as tokens. */
async function reading(context: LlamaContext): Promise<void> {
  const internals = await ContextInternals.open(context);
  const [start, end] = ["<|vision_start|>", "<|vision_end|>"].map((text) => internals.tokenize(text, true));
  const tokens = { "{cat}": cat, "{dog}": dog };
  internals.hookTokenizer((text) => {
    const pieces = text.split(/(\{cat\}|\{dog\})/);
    if (pieces.length === 1) return null;
    return pieces.map((piece) =>
      piece in tokens ? [...start!, ...tokens[piece as keyof typeof tokens], ...end!] : piece,
    );
  });
}

async function talk(ask: (session: LlamaChatSession) => Promise<string[]>, systemPrompt?: string) {
  const context = await createContext();
  await reading(context);
  const answers = await ask(createSession(context, systemPrompt));
  await context.dispose();
  return answers;
}

describe("a chat session", () => {
  it("answers as if the images were the tokens whose embeddings they are, over two turns, streaming", async () => {
    const expected = await talk(async (session) => [
      await session.prompt("see {cat} and {dog} there", greedy),
      await session.prompt("and now", greedy),
      await session.prompt("{dog} again", greedy),
    ]);
    const context = await createContext();
    const { vision, embedded } = await seeing(context);
    const session = createSession(context);
    const chunks: string[] = [];
    const onTextChunk = (chunk: string) => chunks.push(chunk);
    const prompt = await vision.prompt`see ${imageBytes(0)} and ${imageBytes(1)} there`;
    const answers = [await session.prompt(prompt, { ...greedy, onTextChunk })];
    expect(chunks.join("")).toBe(answers[0]);
    expect(chunks.length).toBeGreaterThan(1);

    const used = session.sequence.tokenMeter.usedInputTokens;
    answers.push(await session.prompt("and now", greedy));
    // The images stay in the KV cache: the second turn evaluates its own few tokens.
    expect(session.sequence.tokenMeter.usedInputTokens - used).toBeLessThan(cat.length + dog.length);
    answers.push(await session.prompt(await vision.prompt`${imageBytes(1)} again`, greedy));
    expect(answers).toEqual(expected);
    expect(embedded.toSorted()).toEqual([0, 1]); // whichever was first; the dog's embeddings were kept
    await context.dispose();
  });

  it("takes images in the system prompt", async () => {
    const expected = await talk(async (session) => [await session.prompt("what", greedy)], "you see {cat}");
    const context = await createContext();
    const { vision } = await seeing(context);
    const session = createSession(context, await vision.prompt`you see ${imageBytes(0)}`);
    expect([await session.prompt("what", greedy)]).toEqual(expected);
    await context.dispose();
  });

  it("sees an image: another one gives another answer", async () => {
    const context = await createContext(512, { sequences: 2 });
    const { vision } = await seeing(context);
    const answers = await Promise.all(
      [0, 1].map(async (index) => createSession(context).prompt(await vision.prompt`see ${imageBytes(index)}`, greedy)),
    );
    expect(answers[0]).not.toBe(answers[1]);
    await context.dispose();
  });

  it("goes on when the context is full", async () => {
    const context = await createContext(256);
    const { vision } = await seeing(context);
    const session = createSession(context);
    for (let turn = 0; turn < 12; turn++) {
      const answer = await session.prompt(await vision.prompt`turn ${turn} ${imageBytes(turn % 2)}`, greedy);
      expect(typeof answer).toBe("string");
      expect(session.sequence.nextTokenIndex).toBeLessThan(256);
    }
    await context.dispose();
  });

  it("keeps to a grammar", async () => {
    const context = await createContext();
    const { vision } = await seeing(context);
    const grammar = await llama.createGrammarForJsonSchema({
      type: "object",
      properties: { n: { enum: [1, 2] } },
    } as const);
    const text = await createSession(context).prompt(await vision.prompt`count ${imageBytes(0)}`, {
      ...greedy,
      maxTokens: 64,
      grammar,
    });
    expect([1, 2]).toContain(grammar.parse(text).n);
    await context.dispose();
  });

  it("obeys a signal and answers the next prompt", async () => {
    const expected = await talk(async (session) => [await session.prompt("see {cat}", greedy)]);
    const context = await createContext();
    const { vision } = await seeing(context);
    const controller = new AbortController();
    const first = createSession(context);
    const prompt = await vision.prompt`see ${imageBytes(0)}`;
    const stopped = first.prompt(prompt, {
      ...greedy,
      maxTokens: 100,
      signal: controller.signal,
      onToken: () => controller.abort(),
    });
    await expect(stopped).rejects.toThrow();
    first.resetChatHistory();
    expect([await first.prompt(prompt, greedy)]).toEqual(expected);
    await context.dispose();
  });

  it("resumes a history that was saved, once its images are given again", async () => {
    const context = await createContext();
    const { vision } = await seeing(context);
    const session = createSession(context);
    await session.prompt(await vision.prompt`see ${imageBytes(0)}`, greedy);
    const history = JSON.parse(JSON.stringify(session.getChatHistory()));
    const expected = await session.prompt("and now", greedy);
    await context.dispose();

    const later = await createContext();
    const { vision: laterVision } = await seeing(later);
    const resumed = createSession(later);
    resumed.setChatHistory(history);
    await expect(resumed.prompt("and now", greedy)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await laterVision.image(imageBytes(0));
    resumed.setChatHistory(history);
    expect(await resumed.prompt("and now", greedy)).toBe(expected);
    await later.dispose();
  });
});

describe("dispose", () => {
  it("leaves the context as it was", async () => {
    const context = await createContext();
    const { vision } = await seeing(context);
    const placed = await vision.image(imageBytes(0));
    vision.dispose();
    await expect(vision.image(imageBytes(0))).rejects.toMatchObject({ code: "DISPOSED" });
    expect(Object.keys(context)).not.toContain("_decodeTokens");
    expect(model.tokenize(placed, false).every((token) => token < tiny.tokens.length)).toBe(true);
    await seeing(context); // may be attached again
    await context.dispose();
  });
});
