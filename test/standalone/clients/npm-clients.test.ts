import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { generateText, Output } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { withoutRepeats } from "../../helpers/without-repeats.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let png: Uint8Array;
let url: string;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  png = await encodePng(picture(40, 30));
  url = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const schema = z.object({ kind: z.enum(["cat", "dog"]), legs: z.int().min(1).max(4), born: z.iso.date() });
const expectedOf = (maxTokens = 8) =>
  models.vlm.chat([{ role: "user", content: [{ image: png }, "why"] }], { maxTokens });

describe("LangChain", () => {
  const open = (fields: object = {}) =>
    new ChatOpenAI({
      model: "tiny-vlm",
      apiKey: "any",
      maxTokens: 8,
      maxRetries: 0,
      configuration: { baseURL: `${server.url}/v1` },
      ...fields,
    });
  const message = () =>
    new HumanMessage({
      content: [
        { type: "image_url", image_url: { url } },
        { type: "text", text: "why" },
      ],
    });

  it("asks about an image, at once and in pieces", async () => {
    const { text } = await expectedOf();
    expect((await open().invoke([message()])).content).toBe(text);
    let streamed = "";
    for await (const piece of await open().stream([message()])) streamed += piece.content;
    expect(streamed).toBe(text);
  });

  it("asks through /v1/responses", async () => {
    const answer = await open({ useResponsesApi: true }).invoke([new SystemMessage("sys"), message()]);
    const expected = await models.vlm.chat(
      [
        { role: "system", content: "sys" },
        { role: "user", content: [{ image: png }, "why"] },
      ],
      { maxTokens: 8 },
    );
    expect(answer.text).toBe(expected.text);
  });

  it("gets an object of a schema", async () => {
    const structured = open({ maxTokens: 120 }).withStructuredOutput(schema, { method: "jsonSchema" });
    expect(schema.parse(await structured.invoke([message()]))).toBeTruthy();
  });

  it("embeds an image", async () => {
    const embeddings = new OpenAIEmbeddings({
      model: "vqrae-two-layers",
      apiKey: "any",
      configuration: { baseURL: `${server.url}/v1` },
    });
    const [one] = await embeddings.embedDocuments([url]);
    expect(Math.hypot(...one!)).toBeCloseTo(1, 5);
    await expect(embeddings.embedQuery("a cat")).rejects.toThrow(/embeds no text/);
  });
});

describe("ollama", () => {
  const client = () => new Ollama({ host: server.url });

  it("lists, shows and asks, at once and in pieces", async () => {
    const ollama = client();
    expect((await ollama.list()).models.map(({ name }) => name)).toEqual(["tiny-vlm"]);
    expect((await ollama.show({ model: "tiny-vlm" })).capabilities).toEqual(["completion", "vision"]);
    expect((await ollama.ps()).models).toHaveLength(1);
    const { text, promptTokens } = await expectedOf();
    const asked = { model: "tiny-vlm", messages: [{ role: "user", content: "why", images: [png] }] };
    const options = { num_predict: 8, num_ctx: 2048 };
    const answer = await ollama.chat({ ...asked, options });
    expect(answer).toMatchObject({
      model: "tiny-vlm",
      message: { role: "assistant", content: text },
      done: true,
      done_reason: "length",
      prompt_eval_count: promptTokens,
      eval_count: 8,
    });
    let streamed = "";
    for await (const part of await ollama.chat({ ...asked, options, stream: true })) streamed += part.message.content;
    expect(streamed).toBe(text);
    const generated = await ollama.generate({ model: "tiny-vlm", prompt: "why", images: [png], options });
    expect(generated.response).toBe(text);
  });

  it("loads and frees a model by a request without a question", async () => {
    const loaded = await client().generate({ model: "tiny-vlm", prompt: "" });
    expect(loaded).toMatchObject({ response: "", done: true, done_reason: "load" });
    const freed = await client().chat({ model: "tiny-vlm", messages: [], keep_alive: 0 });
    expect(freed).toMatchObject({ message: { role: "assistant", content: "" }, done: true, done_reason: "unload" });
  });

  it("gets an object of a schema", async () => {
    const { message } = await client().chat({
      model: "tiny-vlm",
      messages: [{ role: "user", content: "why", images: [png] }],
      format: z.toJSONSchema(schema),
      options: { num_predict: 120 },
    });
    expect(schema.parse(JSON.parse(message.content))).toBeTruthy();
  });

  it.each<[string, object, RegExp]>([
    ["another model", { model: "llava" }, /tiny-vlm.*llava/],
    ["a tool's message", { messages: [{ role: "tool", content: "x" }] }, /calls none/],
    ["what is no image", { messages: [{ role: "user", content: "x", images: ["AAAA"] }] }, /raster image/],
    ["an image that is text", { messages: [{ role: "user", content: "x", images: ["/etc/passwd"] }] }, /Expected/],
    [
      "seventeen images",
      { messages: Array(17).fill({ role: "user", content: "x", images: ["AAAA"] }) },
      /16 images.*17/,
    ],
    ["mirostat", { options: { mirostat: 2 } }, /mirostat/],
  ])("is refused %s, with a message", async (_name, fields, message) => {
    const asked = { model: "tiny-vlm", messages: [{ role: "user", content: "why" }], ...fields };
    await expect(client().chat(asked)).rejects.toThrow(message);
  });
});

describe("openai's helpers", () => {
  const kinds = z.object({
    kind: z.enum(["cat", "dog"]),
    legs: z.int().min(1).max(4),
    seen: z.array(z.enum(["left", "right"])).max(2),
    note: z.string().max(4).nullable(),
  });

  it("parse objects of a zod schema, at once and as a stream", async () => {
    const client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
    const chat = {
      model: "tiny-vlm",
      max_tokens: 250,
      messages: [{ role: "user" as const, content: [{ type: "image_url" as const, image_url: { url } }] }],
      response_format: zodResponseFormat(kinds, "kinds"),
    };
    const { choices } = await client.chat.completions.parse(chat);
    expect(kinds.parse(choices[0]!.message.parsed)).toEqual(choices[0]!.message.parsed);
    const streamed = await client.chat.completions.stream(chat).finalChatCompletion();
    expect(streamed.choices[0]!.message.parsed).toEqual(choices[0]!.message.parsed);
    const response = {
      model: "tiny-vlm",
      max_output_tokens: 250,
      input: url,
      text: { format: zodTextFormat(kinds, "kinds") },
    };
    const { output_parsed: parsed } = await client.responses.parse(response);
    expect(kinds.parse(parsed)).toEqual(choices[0]!.message.parsed);
    const last = await client.responses.stream(response).finalResponse();
    expect(last.output_parsed).toEqual(parsed);
  });
});

describe("the AI SDK's compatible provider", () => {
  it("gets an object of a schema by the schema", async () => {
    const provider = createOpenAICompatible({
      name: "vqrae",
      baseURL: `${server.url}/v1`,
      supportsStructuredOutputs: true,
    });
    const { output } = await generateText({
      model: provider("tiny-vlm"),
      messages: [
        {
          role: "user",
          content: [
            { type: "file", mediaType: "image/png", data: png },
            { type: "text", text: "why" },
          ],
        },
      ],
      output: Output.object({ schema }),
      maxOutputTokens: 120,
    });
    expect(schema.parse(output)).toEqual(output);
  });
});

describe("Anthropic's protocol", () => {
  const send = (fields: object, headers = {}) =>
    post(`${server.url}/v1/messages`, { model: "tiny-vlm", max_tokens: 8, ...fields }, headers);
  const block = () => ({
    type: "image",
    source: { type: "base64", media_type: "image/png", data: Buffer.from(png).toString("base64") },
  });

  it("answers about an image, at once and by events in order", async () => {
    const { text, promptTokens } = await expectedOf();
    const messages = [{ role: "user", content: [block(), { type: "text", text: "why" }] }];
    expect(await (await send({ messages })).json()).toMatchObject({
      type: "message",
      role: "assistant",
      content: [{ type: "text", text }],
      stop_reason: "max_tokens",
      usage: { input_tokens: promptTokens, output_tokens: 8 },
    });
    const events = (await (await send({ messages, stream: true })).text()).trim().split("\n\n");
    const types = withoutRepeats(events.map((event) => /^event: (\w+)/.exec(event)![1]));
    expect(types).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  it("takes the key of its own header, and refuses in its own form", async () => {
    const guarded = await serveTiny(models, { apiKey: "secret" });
    const asked = { model: "tiny-vlm", max_tokens: 2, messages: [{ role: "user", content: "why" }] };
    const at = `${guarded.url}/v1/messages`;
    expect((await post(at, asked, { "x-api-key": "secret" })).status).toBe(200);
    const refused = await post(at, asked, { "x-api-key": "other" });
    expect(await refused.json()).toMatchObject({ type: "error", error: { type: "authentication_error" } });
    expect((await fetch(`${guarded.url}/api/tags`)).status).toBe(401);
    await guarded.close();
    const tool = await send({ messages: asked.messages, tool_choice: { type: "any" } });
    expect(await tool.json()).toMatchObject({ type: "error", error: { type: "invalid_request_error" } });
  });
});
