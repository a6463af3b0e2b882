import {
  InvalidArgumentError,
  InvalidPromptError,
  NoSuchModelError,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import { generateText, type ModelMessage, Output, streamText } from "ai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { toAiSdkError } from "../../../adapters/ai-sdk/errors.ts";
import { createVqrae } from "../../../adapters/ai-sdk/index.ts";
import type { Vlm } from "../../../adapters/llama-cpp/index.ts";
import { readImage } from "../../../sdk/index.ts";
import { imageBytes } from "../../helpers/row-embedder.ts";
import { how, openTinyVlms, see } from "../../helpers/tiny-vlm.ts";
import { withoutRepeats } from "../../helpers/without-repeats.ts";

let tiny: Awaited<ReturnType<typeof openTinyVlms>>;
beforeAll(async () => {
  tiny = await openTinyVlms();
});
afterEach(() => tiny.closeVlms());
afterAll(() => tiny.dispose());

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function open() {
  const { vlm, embedded } = await tiny.openVlm({ sequences: 2 });
  const vqrae = createVqrae({ languageModels: { tiny: vlm } });
  return { vlm, model: vqrae.languageModel("tiny"), embedded };
}

const short = { maxOutputTokens: 8, maxRetries: 0 };
const withImage = (data: Uint8Array | string, mediaType = "image/png"): ModelMessage[] => [
  {
    role: "user",
    content: [
      { type: "file", mediaType, data },
      { type: "text", text: "abc" },
    ],
  },
];
const expectedOf = async (vlm: Vlm) => vlm.chat([see(0)], { maxTokens: 8 });

describe("generateText", () => {
  it("answers about an image, however it is given, with usage and finish reason", async () => {
    const { vlm, model } = await open();
    const expected = await expectedOf(vlm);
    const base64 = Buffer.from(imageBytes(0)).toString("base64");
    for (const messages of [
      withImage(imageBytes(0)),
      withImage(base64),
      withImage(`data:image/png;base64,${base64}`),
      withImage(imageBytes(0), "image/*"),
      [
        {
          role: "user",
          content: [
            { type: "image", image: imageBytes(0) },
            { type: "text", text: "abc" },
          ],
        },
      ] as ModelMessage[],
    ]) {
      const { text, finishReason, usage, warnings } = await generateText({ model, messages, ...short });
      expect({ text, finishReason }).toEqual({ text: expected.text, finishReason: "length" });
      expect(usage).toMatchObject({ inputTokens: expected.promptTokens, outputTokens: 8 });
      expect(warnings).toEqual([]);
    }
  });

  it("downloads a remote image through the SDK", async () => {
    const { vlm, model } = await open();
    const expected = await expectedOf(vlm);
    const { text } = await generateText({
      model,
      messages: [
        {
          role: "user",
          content: [
            { type: "file", mediaType: "image/png", data: new URL("http://images.example/cat.png") },
            { type: "text", text: "abc" },
          ],
        },
      ],
      experimental_download: async (all) => all.map(() => ({ data: imageBytes(0), mediaType: "image/png" })),
      ...short,
    });
    expect(text).toBe(expected.text);
  });

  it("takes a system prompt and earlier turns", async () => {
    const { vlm, model } = await open();
    const answer = await vlm.chat(
      [
        { role: "system", content: "sys" },
        see(1),
        { role: "assistant", content: "a dog" },
        { role: "user", content: "how" },
      ],
      { maxTokens: 8 },
    );
    const { text } = await generateText({
      model,
      system: "sys",
      messages: [
        ...withImage(imageBytes(1)),
        { role: "assistant", content: "a dog" },
        { role: "user", content: "how" },
      ],
      ...short,
    });
    expect(text).toBe(answer.text);
  });

  it("passes sampling, seed and stop texts on", async () => {
    const { vlm, model } = await open();
    const sampling = { temperature: 1.5, topK: 40, topP: 0.9, seed: 7 };
    const sampled = await generateText({ model, prompt: "how", ...sampling, ...short });
    expect(sampled.text).toBe((await vlm.chat(how, { ...sampling, maxTokens: 8 })).text);
    const { text } = await vlm.chat(how, { maxTokens: 24 });
    const stop = text.match(/[a-z]{2}/)![0];
    const stopped = await generateText({ model, prompt: "how", stopSequences: [stop], maxOutputTokens: 24 });
    expect(stopped).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: "stop" });
  });

  it("gives objects of a schema, and JSON without one", async () => {
    const { model } = await open();
    const schema = z.object({ kind: z.enum(["cat", "dog"]), legs: z.union([z.literal(2), z.literal(4)]) });
    const { output } = await generateText({
      model,
      messages: withImage(imageBytes(0)),
      output: Output.object({ schema }),
      maxOutputTokens: 100,
    });
    expect(schema.parse(output)).toEqual(output);
  });

  it("warns of what a grammar cannot keep of a schema, and gives the object", async () => {
    const { model } = await open();
    const schema = z.object({
      kind: z.enum(["cat"]),
      legs: z.int().min(1).max(4),
      size: z.number().max(1e300).min(-1e300),
    });
    const { output, warnings } = await generateText({
      model,
      messages: withImage(imageBytes(0)),
      output: Output.object({ schema }),
      maxOutputTokens: 200,
    });
    expect(schema.parse(output)).toEqual(output);
    const details = warnings!.map((warning) => (warning.type === "unsupported" ? warning.details : ""));
    expect(details).toEqual([
      "jsonSchema.properties.size has the keyword minimum, which no grammar keeps to.",
      "jsonSchema.properties.size has the keyword maximum, which no grammar keeps to.",
    ]);
  });

  it("warns of what it ignores", async () => {
    const { model } = await open();
    const { warnings } = await generateText({
      model,
      prompt: "how",
      tools: { look: { inputSchema: z.object({}) } },
      ...short,
    });
    const features = warnings!.map((warning) => (warning.type === "unsupported" ? warning.feature : ""));
    expect(features).toEqual(["tools"]);
  });

  it("passes penalties on", async () => {
    const { vlm, model } = await open();
    const asked = { presencePenalty: 3, frequencyPenalty: 2 };
    const expected = await vlm.chat(how, { ...asked, maxTokens: 24 });
    const plain = await vlm.chat(how, { maxTokens: 24 });
    const { text, warnings } = await generateText({ model, prompt: "how", ...asked, maxOutputTokens: 24 });
    expect(text).toBe(expected.text);
    expect(text).not.toBe(plain.text);
    expect(warnings).toEqual([]);
  });

  it("obeys a signal", async () => {
    const { vlm, model } = await open();
    const controller = new AbortController();
    const reason = new DOMException("enough", "AbortError");
    const running = generateText({ model, prompt: "how", maxOutputTokens: 400, abortSignal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(running).rejects.toBe(reason);
    expect((await vlm.chat(how, { maxTokens: 8 })).answerTokens).toBe(8);
  });
});

describe("streamText", () => {
  it("streams the answer in the specification's order", async () => {
    const { vlm, model } = await open();
    const expected = await expectedOf(vlm);
    const { stream } = await model.doStream({
      prompt: [
        {
          role: "user",
          content: [
            { type: "file", mediaType: "image/png", data: { type: "data", data: imageBytes(0) } },
            { type: "text", text: "abc" },
          ],
        },
      ],
      maxOutputTokens: 8,
    });
    const parts = await all(stream);
    const types = withoutRepeats(parts.map(({ type }) => type));
    expect(types).toEqual(["stream-start", "response-metadata", "text-start", "text-delta", "text-end", "finish"]);
    expect(parts.at(-1)).toMatchObject({
      finishReason: { unified: "length" },
      usage: { inputTokens: { total: expected.promptTokens }, outputTokens: { total: 8, text: 8 } },
    });

    const result = streamText({ model, messages: withImage(imageBytes(0)), ...short });
    const texts = await all(result.textStream);
    expect(texts.length).toBeGreaterThan(1);
    expect(texts.join("")).toBe(expected.text);
    expect(await result.finishReason).toBe("length");
    expect(await result.usage).toMatchObject({ inputTokens: expected.promptTokens, outputTokens: 8 });
  });

  it("ends where the signal says, and where the reader leaves", async () => {
    const { vlm, model } = await open();
    const controller = new AbortController();
    const result = streamText({ model, prompt: "how", maxOutputTokens: 400, abortSignal: controller.signal });
    const types: string[] = [];
    for await (const part of result.fullStream) {
      types.push(part.type);
      if (part.type === "text-delta") controller.abort();
    }
    expect(types.at(-1)).toBe("abort");
    const { stream } = await model.doStream({ prompt: [{ role: "user", content: [{ type: "text", text: "how" }] }] });
    await stream.cancel();
    // Both sequences are free again.
    const again = await Promise.all([vlm.chat(how, { maxTokens: 8 }), vlm.chat([see(0)], { maxTokens: 8 })]);
    expect(again.map(({ answerTokens }) => answerTokens)).toEqual([8, 8]);
  });

  it("reports a failure as an error part", async () => {
    const { vlm, model } = await open();
    const { stream } = await model.doStream({
      prompt: [{ role: "user", content: [{ type: "text", text: "how" }] }],
      maxOutputTokens: 400,
    });
    await vlm.dispose();
    const parts = await all(stream);
    expect(parts.at(-2)).toMatchObject({ type: "error", error: { code: "DISPOSED" } });
    expect(parts.at(-1)).toMatchObject({ type: "finish", finishReason: { unified: "error" } });
  });
});

describe("bad input", () => {
  it.each<[string, ModelMessage[], object, { isInstance(error: unknown): boolean }]>([
    ["a document", withImage(imageBytes(0), "application/pdf"), {}, UnsupportedFunctionalityError],
    [
      "a tool's result",
      [
        { role: "user", content: "how" },
        { role: "assistant", content: [{ type: "tool-call", toolCallId: "1", toolName: "look", input: {} }] },
        {
          role: "tool",
          content: [{ type: "tool-result", toolCallId: "1", toolName: "look", output: { type: "text", value: "x" } }],
        },
      ],
      {},
      UnsupportedFunctionalityError,
    ],
    [
      "a conversation longer than the context",
      [{ role: "user", content: "word ".repeat(600) }],
      {},
      InvalidPromptError,
    ],
    ["a topK that is negative", [{ role: "user", content: "how" }], { topK: -1 }, InvalidArgumentError],
    [
      "an answer at the end",
      [
        { role: "user", content: "how" },
        { role: "assistant", content: "x" },
      ],
      {},
      InvalidArgumentError,
    ],
  ])("%s", async (_name, messages, options, type) => {
    const { model } = await open();
    const error = await generateText({ model, messages, ...short, ...options }).catch((thrown: unknown) => thrown);
    expect(type.isInstance(error)).toBe(true);
    let seen: unknown;
    const result = streamText({ model, messages, ...short, ...options, onError: (event) => (seen = event.error) });
    await result.consumeStream();
    expect(type.isInstance(seen)).toBe(true);
  });

  it("a schema that is too large for a grammar", async () => {
    const { model } = await open();
    const names = Array.from({ length: 1001 }, (_, i) => `v${i}`);
    const output = Output.object({ schema: z.object({ name: z.enum(names) }) });
    const error = await generateText({ model, prompt: "how", output, ...short }).catch((thrown: unknown) => thrown);
    expect(UnsupportedFunctionalityError.isInstance(error)).toBe(true);
    expect((error as Error).message).toContain("1000 values");
  });

  it("unknown models, and models that do not load, which are tried again", async () => {
    const { vlm } = await open();
    let attempts = 0;
    const vqrae = createVqrae({
      languageModels: {
        late: async () => {
          attempts += 1;
          if (attempts === 1) throw new Error("no disk");
          return vlm;
        },
      },
      imageModels: {},
    });
    for (const take of [
      () => vqrae.languageModel("gpt"),
      () => vqrae.extractionModel("gpt"),
      () => vqrae.imageModel(),
      () => vqrae.embeddingModel("x"),
      () => vqrae.rerankingModel?.("x"),
      () => vqrae.speechModel?.("x"),
      () => vqrae.transcriptionModel?.("x"),
    ]) {
      expect(take).toThrow(NoSuchModelError);
    }
    const ask = () => generateText({ model: vqrae.languageModel(), prompt: "how", ...short });
    await expect(ask()).rejects.toThrow("no disk");
    expect((await ask()).text).not.toBe("");
    await vqrae.dispose();
    await expect(vlm.chat(how)).rejects.toMatchObject({ code: "DISPOSED" });
  });

  it("what is no image, or one that is too large", async () => {
    const errors = [
      await readImage(Uint8Array.of(1, 2, 3)).catch((error: unknown) => error),
      await readImage({ data: new Uint8Array(12), width: 2, height: 2 }, { maxPixels: 3 }).catch(
        (error: unknown) => error,
      ),
    ];
    for (const error of errors) expect(InvalidPromptError.isInstance(toAiSdkError(error, "prompt"))).toBe(true);
  });
});
