import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, streamText } from "ai";
import OpenAI from "openai";
import type { ChatCompletionCreateParams, ChatCompletionMessageParam } from "openai/resources";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening;
let client: OpenAI;
let pngs: Uint8Array[];
let urls: string[];
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  const black = { data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 };
  pngs = await Promise.all([picture(40, 30), black].map(encodePng));
  urls = pngs.map((png) => `data:image/png;base64,${Buffer.from(png).toString("base64")}`);
}, 180_000);
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const model = "tiny-vlm";
const short = { model, max_tokens: 8 };
const withImage = (index = 0, text = "why"): ChatCompletionMessageParam[] => [
  {
    role: "user",
    content: [
      { type: "image_url", image_url: { url: urls[index]!, detail: "low" } },
      { type: "text", text },
    ],
  },
];
const expectedOf = (index = 0, maxTokens = 8) =>
  models.vlm.chat([{ role: "user", content: [{ image: pngs[index]! }, "why"] }], { maxTokens });

describe("the openai client", () => {
  it("gets an answer about an image, with usage and finish reason", async () => {
    const expected = await expectedOf();
    const answer = await client.chat.completions.create({ ...short, messages: withImage() });
    expect(answer).toMatchObject({ object: "chat.completion", model });
    expect(answer.choices).toEqual([
      {
        index: 0,
        message: { role: "assistant", content: expected.text, refusal: null },
        finish_reason: expected.finishReason,
        logprobs: null,
      },
    ]);
    const { promptTokens, answerTokens } = expected;
    expect(answer.usage).toEqual({
      prompt_tokens: promptTokens,
      completion_tokens: answerTokens,
      total_tokens: promptTokens! + answerTokens!,
    });
    const other = await client.chat.completions.create({ ...short, messages: withImage(1) });
    expect(other.choices[0]!.message.content).toBe((await expectedOf(1)).text);
    expect(other.choices[0]!.message.content).not.toBe(expected.text);
  });

  it("gets it in pieces, with usage at the end where it asks", async () => {
    const expected = await expectedOf();
    const stream = await client.chat.completions.create({
      ...short,
      messages: withImage(),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const deltas = chunks.flatMap(({ choices }) => choices);
    expect(deltas[0]!.delta).toEqual({ role: "assistant", content: "" });
    expect(deltas.map(({ delta }) => delta.content ?? "").join("")).toBe(expected.text);
    expect(deltas.length).toBeGreaterThan(4);
    expect(deltas.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual([expected.finishReason]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: expected.promptTokens } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it("sends a system prompt, earlier turns and images in them", async () => {
    const expected = await models.vlm.chat(
      [
        { role: "system", content: "sys" },
        { role: "user", content: [{ image: pngs[0]! }, "see"] },
        { role: "assistant", content: "a thing" },
        { role: "user", content: ["and ", { image: pngs[1]! }] },
      ],
      { maxTokens: 8 },
    );
    const { choices } = await client.chat.completions.create({
      ...short,
      messages: [
        { role: "developer", content: "sys" },
        ...withImage(0, "see"),
        { role: "assistant", content: [{ type: "text", text: "a thing" }] },
        {
          role: "user",
          content: [
            { type: "text", text: "and " },
            { type: "image_url", image_url: { url: urls[1]! } },
          ],
        },
      ],
    });
    expect(choices[0]!.message.content).toBe(expected.text);
  });

  it("samples by seed, and stops where it says", async () => {
    const sampling = { temperature: 1.5, top_p: 0.9, seed: 7 };
    const expected = await models.vlm.chat([{ role: "user", content: "why" }], {
      temperature: 1.5,
      topP: 0.9,
      seed: 7,
      maxTokens: 8,
    });
    const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "why" }];
    const sampled = await client.chat.completions.create({ ...short, ...sampling, messages });
    expect(sampled.choices[0]!.message.content).toBe(expected.text);
    const { text } = await expectedOf(0, 80);
    const stop = text.match(/(?<=[!-~])[!-~]{2}/)![0]; // not behind a part of a character, which is left out
    for (const given of [stop, ["never", stop]]) {
      const stopped = await client.chat.completions.create({
        model,
        max_completion_tokens: 80,
        messages: withImage(),
        stop: given,
      });
      expect(stopped.choices[0]).toMatchObject({
        message: { content: text.slice(0, text.indexOf(stop)) },
        finish_reason: "stop",
      });
    }
  });

  it("gets JSON of a schema, and any JSON object", async () => {
    const schema = {
      type: "object",
      properties: { n: { enum: [1, 2] } },
      required: ["n"],
      additionalProperties: false,
    };
    const answer = await client.chat.completions.create({
      model,
      max_tokens: 100,
      messages: withImage(),
      response_format: { type: "json_schema", json_schema: { name: "count", schema, strict: true } },
    });
    expect([1, 2]).toContain(JSON.parse(answer.choices[0]!.message.content!).n);
    const object = await client.chat.completions.create({
      model,
      max_tokens: 20,
      messages: withImage(),
      response_format: { type: "json_object" },
    });
    expect(object.choices[0]!.message.content).toMatch(/^\{/);
  });

  it("lists the models, and takes one", async () => {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(["tiny-vlm", "tiny-generator", "vqrae-two-layers"]);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: "model" });
    await expect(client.models.retrieve("gpt")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it.each<[string, object, string]>([
    ["logprobs that are a number", { logprobs: 5 }, "logprobs"],
    ["more likely tokens than there may be", { logprobs: true, top_logprobs: 21 }, "top_logprobs"],
    ["a tool that must be called", { tools: [], tool_choice: "required" }, "tool_choice"],
    ["sound", { modalities: ["text", "audio"] }, "modalities"],
  ])("is refused %s, by name", async (_name, fields, param) => {
    const body = { ...short, messages: withImage(), ...fields } as ChatCompletionCreateParams;
    const error = await client.chat.completions.create(body).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    const refused = error as InstanceType<typeof OpenAI.APIError>;
    expect(refused.param).toMatch(new RegExp(`^${param}`));
    expect(refused.message).toContain(param);
  });

  it("may send what asks for nothing", async () => {
    const fields = { n: 1, logprobs: false, tools: [], presence_penalty: 0, user: "me", store: false, metadata: {} };
    const body = { ...short, messages: withImage(), ...fields } as ChatCompletionCreateParams;
    expect(await client.chat.completions.create(body)).toMatchObject({ object: "chat.completion" });
  });
});

describe("@ai-sdk/openai-compatible", () => {
  const provider = () => createOpenAICompatible({ name: "vqrae", baseURL: `${server.url}/v1`, includeUsage: true });
  const messages = () => [
    {
      role: "user" as const,
      content: [
        { type: "file" as const, mediaType: "image/png", data: pngs[0]! },
        { type: "text" as const, text: "why" },
      ],
    },
  ];

  it("generates, streams, counts", async () => {
    const expected = await expectedOf();
    const options = { model: provider()(model), messages: messages(), maxOutputTokens: 8, maxRetries: 0 };
    const { text, usage, finishReason } = await generateText(options);
    expect({ text, finishReason }).toEqual({ text: expected.text, finishReason: expected.finishReason });
    expect(usage).toMatchObject({ inputTokens: expected.promptTokens, outputTokens: expected.answerTokens });
    const stream = streamText(options);
    let streamed = "";
    for await (const piece of stream.textStream) streamed += piece;
    expect(streamed).toBe(expected.text);
    expect(await stream.usage).toMatchObject({ outputTokens: expected.answerTokens });
  });

  it("gives objects", async () => {
    const schema = z.object({ kind: z.enum(["cat", "dog"]) });
    const structured = createOpenAICompatible({
      name: "vqrae",
      baseURL: `${server.url}/v1`,
      supportsStructuredOutputs: true,
    });
    const { output } = await generateText({
      model: structured(model),
      messages: messages(),
      output: Output.object({ schema }),
      maxOutputTokens: 100,
    });
    expect(["cat", "dog"]).toContain(output.kind);
  });
});
