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
  type Token,
} from "node-llama-cpp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type AttachVisionOptions, attachVision, loadVlm } from "../../../adapters/llama-cpp/index.ts";
import type { ImageSegment } from "../../../sdk/index.ts";
import { imageBytes, row, rowEmbedder } from "../../helpers/row-embedder.ts";
import { type TinyArchitecture, type TinyLlm, writeTinyLlm } from "../../helpers/tiny-llm.ts";

let folder: string;
let llama: Llama;
const loaded = new Map<TinyArchitecture, { tiny: TinyLlm; model: LlamaModel }>();
const contexts: LlamaContext[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-bad-vision-"));
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
  for (const architecture of ["qwen3", "qwen2vl", "gemma3"] as const) {
    const tiny = await writeTinyLlm(join(folder, `${architecture}.gguf`), architecture);
    loaded.set(architecture, { tiny, model: await llama.loadModel({ modelPath: tiny.path }) });
  }
});
afterEach(() => Promise.all(contexts.splice(0).map((context) => context.dispose())));
afterAll(async () => {
  await llama.dispose();
  await rm(folder, { recursive: true, force: true });
});

const greedy = { temperature: 0, maxTokens: 4, repeatPenalty: false } as const;
const line = (count: number) => Array.from({ length: count }, (_, i) => 30 + (i % 200));

async function open(
  architecture: TinyArchitecture,
  segments: (tiny: TinyLlm) => ImageSegment[][],
  { contextSize = 256, batchSize = 64, cacheBytes = 2 ** 20, sequences = 1 } = {},
) {
  const { tiny, model } = loaded.get(architecture)!;
  const context = await model.createContext({ contextSize, batchSize, threads: 1, sequences });
  contexts.push(context);
  const images = segments(tiny).map((own) => ({ segments: own }));
  const { tokenizer, embedded } = rowEmbedder(tiny.embeddingDim, images);
  const vision = await attachVision(context, { tokenizer, cacheBytes });
  const session = () =>
    new LlamaChatSession({
      contextSequence: context.getSequence(),
      chatWrapper: new ChatMLChatWrapper(),
      systemPrompt: "sys",
    });
  return { context, vision, embedded, session };
}

/** The session answers after whatever went wrong as one that never saw it. */
async function stillAnswers(session: LlamaChatSession): Promise<void> {
  session.resetChatHistory();
  expect(typeof (await session.prompt("hello", greedy))).toBe("string");
}

describe("attachVision refuses", () => {
  it("a tokenizer without a projector, with the mend", async () => {
    const { model } = loaded.get("qwen3")!;
    const context = await model.createContext({ contextSize: 64, threads: 1 });
    contexts.push(context);
    const { tokenizer } = rowEmbedder(64, []);
    Object.assign(tokenizer.info, { projector: null });
    await expect(attachVision(context, { tokenizer })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("loadProjector"),
    });
  });

  it("a projector of another width, both widths named", async () => {
    const { model } = loaded.get("qwen3")!;
    const context = await model.createContext({ contextSize: 64, threads: 1 });
    contexts.push(context);
    await expect(attachVision(context, { tokenizer: rowEmbedder(96, []).tokenizer })).rejects.toMatchObject({
      code: "INCOMPATIBLE",
      message: expect.stringMatching(/width 64.*width 96/),
    });
  });

  it.each([
    [{ cacheBytes: -1 }, 'option "cacheBytes" of attachVision'],
    [{ tokenizer: { info: {} } }, 'option "tokenizer" of attachVision'],
    [{ cache: 1 }, '"cache"'],
  ])("the options %j", async (options, message) => {
    const { tokenizer } = rowEmbedder(64, []);
    await expect(attachVision({} as LlamaContext, { tokenizer, ...options } as never)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(message),
    });
  });

  it("neither a tokenizer nor an mmproj, both, and a language model as mmproj", async () => {
    const { model, tiny } = loaded.get("qwen3")!;
    const context = await model.createContext({ contextSize: 64, threads: 1 });
    contexts.push(context);
    const refused = (options: AttachVisionOptions, message: RegExp) =>
      expect(attachVision(context, options)).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(message),
      });
    await refused({}, /a tokenizer or an mmproj .* received neither/);
    await refused({ tokenizer: rowEmbedder(64, []).tokenizer, mmproj: tiny.path }, /received both/);
    await refused({ mmproj: tiny.path }, /an mmproj file for .*qwen3\.gguf but received a language model \(qwen3\)/);
  });

  it("a second vision, a disposed context, and what is no context", async () => {
    const { context } = await open("qwen3", () => []);
    const { tokenizer } = rowEmbedder(64, []);
    await expect(attachVision(context, { tokenizer })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await context.dispose();
    await expect(attachVision(context, { tokenizer })).rejects.toMatchObject({ code: "DISPOSED" });
    await expect(attachVision({} as LlamaContext, { tokenizer })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

it.each([
  [{ sequences: 0 }, 'option "sequences" of loadVlm'],
  [{ gpu: "tpu" }, 'option "gpu" of loadVlm'],
  [{ tokenizer: "folder" }, '"tokenizer"'],
  [{ mmproj: "mmproj.gguf" }, "no parts of another model"],
])("loadVlm refuses the options %j before anything is loaded", async (options, message) => {
  await expect(loadVlm("default", options as never)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining(message),
  });
});

describe("an image is refused before the session sees it", () => {
  it("with embeddings of another width", async () => {
    const { vision, session } = await open("qwen3", () => [
      [{ type: "embeddings", data: new Float32Array(4 * 63), grid: { rows: 2, columns: 2 }, attention: "causal" }],
    ]);
    await expect(vision.image(imageBytes(0))).rejects.toMatchObject({ code: "INCOMPATIBLE" });
    await stillAnswers(session());
  });

  it("with NaN or infinity", async () => {
    const { vision, session } = await open("qwen3", (tiny) => {
      const segment = row(line(4), tiny) as Extract<ImageSegment, { type: "embeddings" }>;
      segment.data[70] = Number.NaN;
      return [[segment]];
    });
    await expect(vision.image(imageBytes(0))).rejects.toMatchObject({
      code: "RUNTIME",
      message: expect.stringContaining("at 70"),
    });
    await stillAnswers(session());
  });

  it("that takes more tokens than the context", async () => {
    const { vision, session } = await open("qwen3", (tiny) => [[row(line(300), tiny)]]);
    await expect(vision.image(imageBytes(0))).rejects.toMatchObject({
      code: "CONTEXT_OVERFLOW",
      message: expect.stringMatching(/at most 254 tokens.*one of 300.*contextSize/),
    });
    await stillAnswers(session());
  });

  it("whose tokens attend to each other and are more than a batch", async () => {
    const { vision, session } = await open("gemma3", (tiny) => [[row(line(80), tiny, "full")]]);
    await expect(vision.image(imageBytes(0))).rejects.toMatchObject({
      code: "CONTEXT_OVERFLOW",
      message: expect.stringContaining("batchSize: 80"),
    });
    await stillAnswers(session());
  });
});

describe("images whose embeddings attend to each other", () => {
  it("differ from causal ones, and leave what follows causal", async () => {
    const { context, vision } = await open("gemma3", (tiny) => [[row(line(20), tiny, "full")], [row(line(20), tiny)]], {
      sequences: 3,
    });
    const { model } = context;
    const logits = async (placed: string) => {
      const sequence = context.getSequence();
      const tokens = model.tokenize(`${placed}what`, true);
      const input = tokens.map((token, i) =>
        i === tokens.length - 1 ? [token, { generateNext: { logits: true as const } }] : token,
      );
      const results = await sequence.controlledEvaluate(input as Parameters<typeof sequence.controlledEvaluate>[0]);
      return [...(results.at(-1)!.next.logits as unknown as Map<Token, number>).values()];
    };
    const plain = await logits("what");
    const [full, causal] = [
      await logits(await vision.image(imageBytes(0))),
      await logits(await vision.image(imageBytes(1))),
    ];
    expect(full).not.toEqual(causal);
    await context.dispose();
    const again = await open("gemma3", () => []);
    const sequence = again.context.getSequence();
    const tokens = model.tokenize("whatwhat", true);
    const results = await sequence.controlledEvaluate(
      tokens.map((token, i) =>
        i === tokens.length - 1 ? [token, { generateNext: { logits: true } }] : token,
      ) as Parameters<typeof sequence.controlledEvaluate>[0],
    );
    expect([...(results.at(-1)!.next.logits as unknown as Map<Token, number>).values()]).toEqual(plain);
  });
});

describe("a model with positions of several axes", () => {
  const grid = (tiny: TinyLlm): ImageSegment[][] => [
    [{ ...(row(line(24), tiny) as Extract<ImageSegment, { type: "embeddings" }>), grid: { rows: 4, columns: 6 } }],
  ];

  it("counts an image by its longer side", async () => {
    const { vision, context } = await open("qwen2vl", grid);
    expect(context.model.tokenize(await vision.image(imageBytes(0)), false)).toHaveLength(6);
  });

  it("decodes the conversation anew where others shift it", async () => {
    const { vision, session } = await open("qwen2vl", grid);
    const chat = session();
    const placed = await vision.image(imageBytes(0));
    for (let turn = 0; turn < 16; turn++) {
      const text = turn === 8 ? `turn ${placed}` : `turn ${turn} ${"word ".repeat(4)}`;
      expect(typeof (await chat.prompt(text, greedy))).toBe("string");
    }
    await stillAnswers(chat);
  });

  it("says so when its images have filled the KV cache", async () => {
    const { vision, session } = await open("qwen2vl", grid);
    const chat = session();
    const placed = await vision.image(imageBytes(0));
    const turns = async () => {
      for (let turn = 0; turn < 16; turn++) await chat.prompt(`turn ${placed}`, greedy);
    };
    await expect(turns()).rejects.toMatchObject({
      code: "CONTEXT_OVERFLOW",
      message: expect.stringContaining("contextSize"),
    });
    await stillAnswers(chat);
  });
});

describe("a prompt fails, and the session goes on,", () => {
  it("with an image that nobody gave", async () => {
    const { session } = await open("qwen3", () => []);
    const chat = session();
    await expect(chat.prompt(`\uFDD0${"a".repeat(22)}\uFDD1`, greedy)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await stillAnswers(chat);
  });

  it("with an image whose embeddings were dropped for others", async () => {
    const { vision, session } = await open("qwen3", (tiny) => [[row(line(20), tiny)], [row(line(21), tiny)]], {
      cacheBytes: 22 * 64 * 4,
    });
    const first = await vision.image(imageBytes(0));
    await vision.image(imageBytes(1));
    expect(vision.cached).toEqual({ images: 1, bytes: 21 * 64 * 4 });
    const chat = session();
    await expect(chat.prompt(`see ${first}`, greedy)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("cacheBytes"),
    });
    await stillAnswers(chat);
    chat.resetChatHistory();
    expect(typeof (await chat.prompt(`see ${await vision.image(imageBytes(0))}`, greedy))).toBe("string");
  });

  it("with nothing after the image", async () => {
    const { vision, context } = await open("qwen3", (tiny) => [[row(line(20), tiny)]], { sequences: 2 });
    const sequence = context.getSequence();
    const tokens = context.model.tokenize(`see ${await vision.image(imageBytes(0))}`, false);
    const generate = async () => {
      for await (const token of sequence.evaluate(tokens)) return token;
    };
    await expect(generate()).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("text after the image"),
    });
    expect(sequence.nextTokenIndex).toBe(0);
  });

  it("whose placeholder was cut: what is left of it is no text", async () => {
    const { vision, context } = await open("qwen3", (tiny) => [[row(line(20), tiny)]]);
    const placed = await vision.image(imageBytes(0));
    const { model } = context;
    expect(model.tokenize(`a ${placed.slice(0, 9)}`, false)).toEqual(model.tokenize("a ", false));
    expect(model.tokenize(`${placed.slice(9)} b`, false)).toEqual(model.tokenize(" b", false));
  });
});
