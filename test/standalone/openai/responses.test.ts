import { createOpenAI } from "@ai-sdk/openai";
import { generateText, type ModelMessage, Output, streamText } from "ai";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { withoutRepeats } from "../../helpers/without-repeats.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let client: OpenAI;
let png: Uint8Array;
let url: string;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models, { limits: { storedResponses: 2, storedBytes: 100_000 } });
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  png = await encodePng(picture(40, 30));
  url = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const short = { model: "tiny-vlm", max_output_tokens: 8 };
const see = (text = "why") => [
  {
    role: "user" as const,
    content: [
      { type: "input_image" as const, image_url: url, detail: "auto" as const },
      { type: "input_text" as const, text },
    ],
  },
];
const vlmSee = (text = "why") => ({ role: "user" as const, content: [{ image: png }, text] });
const said = (...messages: Parameters<TinyModels["vlm"]["chat"]>[0]) => models.vlm.chat(messages, { maxTokens: 8 });

describe("the openai client", () => {
  it("gets an answer about an image, by instructions", async () => {
    const expected = await said({ role: "system", content: "sys" }, vlmSee());
    const answer = await client.responses.create({ ...short, instructions: "sys", input: see() });
    expect(answer.output_text).toBe(expected.text);
    expect(answer).toMatchObject({
      object: "response",
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      output: [{ type: "message", role: "assistant", content: [{ type: "output_text", annotations: [] }] }],
      usage: { input_tokens: expected.promptTokens, output_tokens: 8, total_tokens: expected.promptTokens! + 8 },
    });
    const alone = await client.responses.create({ ...short, input: url });
    expect(alone.output_text).toBe((await said({ role: "user", content: [{ image: png }] })).text);
    expect((await client.responses.create({ ...short, input: "why" })).output_text).toBe(
      (await said({ role: "user", content: "why" })).text,
    );
  });

  it("gets events in order, and the same response at their end", async () => {
    const expected = await said(vlmSee());
    const events = [];
    const stream = await client.responses.create({ ...short, input: see(), stream: true });
    for await (const event of stream) events.push(event);
    const types = withoutRepeats(events.map(({ type }) => type));
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    const deltas = events.flatMap((event) => (event.type === "response.output_text.delta" ? [event.delta] : []));
    expect(deltas.join("")).toBe(expected.text);
    // The client's own accumulator takes them too.
    const final = await client.responses.stream({ ...short, input: see() }).finalResponse();
    expect(final.output_text).toBe(expected.text);
  });

  it("goes on by an id, with another instruction, and not where it asked to store nothing", async () => {
    const first = await client.responses.create({ ...short, instructions: "sys", input: see() });
    const expected = await said(
      vlmSee(),
      { role: "assistant", content: first.output_text },
      { role: "user", content: "how" },
    );
    const next = await client.responses.create({ ...short, previous_response_id: first.id, input: "how" });
    expect(next.output_text).toBe(expected.text);
    expect(next.previous_response_id).toBe(first.id);
    const secret = await client.responses.create({ ...short, store: false, input: "why" });
    const gone = client.responses.create({ ...short, previous_response_id: secret.id, input: "how" });
    await expect(gone).rejects.toMatchObject({ status: 400, code: "previous_response_not_found" });
  });

  it("finds that the longest unused response makes room, and that a large one is not kept", async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push((await client.responses.create({ ...short, input: `why ${i}` })).id);
    const on = (id: string) =>
      client.responses.create({ ...short, store: false, previous_response_id: id, input: "a" });
    await expect(on(ids[0]!)).rejects.toMatchObject({ code: "previous_response_not_found" });
    for (const id of ids.slice(1)) expect((await on(id)).object).toBe("response");
    const large = Buffer.concat([png, Buffer.alloc(200_000)]).toString("base64");
    const content = [
      { type: "input_image" as const, image_url: `data:image/png;base64,${large}`, detail: "auto" as const },
    ];
    const { id } = await client.responses.create({ ...short, input: [{ role: "user", content }] });
    await expect(on(id)).rejects.toMatchObject({ code: "previous_response_not_found" });
  });

  it("gets JSON of a schema, with warnings for what no grammar keeps", async () => {
    const schema = { type: "object", properties: { n: { type: "integer", minimum: 2 } }, required: ["n"] };
    const body = { ...short, max_output_tokens: 60, input: see() };
    const format = { type: "json_schema" as const, name: "n", strict: true, schema };
    const { data, response } = await client.responses.create({ ...body, text: { format } }).withResponse();
    expect(JSON.parse(data.output_text).n).toEqual(expect.any(Number));
    expect(response.headers.get("x-vqrae-warning")).toContain("minimum");
  });

  it.each<[string, object]>([
    ["tool_choice", { tools: [{ type: "function", name: "x" }], tool_choice: "required" }],
    ["input", { input: [{ type: "function_call_output", call_id: "1", output: "x" }] }],
    ["input", { input: [{ role: "user", content: [{ type: "input_file", file_id: "f" }] }] }],
    ["input", { input: [{ role: "user", content: [{ type: "input_image", image_url: "file:///etc/passwd" }] }] }],
    ["input", { input: [{ type: "item_reference", id: "msg_0" }] }],
    ["input", { input: [] }],
    ["conversation", { conversation: "conv_1" }],
    ["background", { background: true }],
    ["top_logprobs", { top_logprobs: 21 }],
    ["tool_choice", { tools: [{ type: "web_search" }], tool_choice: { type: "web_search_preview" } }],
    ["model", { model: "gpt-5" }],
  ])("is refused what would change the answer: %s", async (param, fields) => {
    const answer = await post(`${server.url}/v1/responses`, { ...short, input: "why", ...fields });
    expect(answer.status).toBe(param === "model" ? 404 : 400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(/^Expected/);
  });

  it("is refused an image that is none before the stream begins", async () => {
    const content = [{ type: "input_image", image_url: "data:image/png;base64,AAAA" }];
    const body = { ...short, stream: true, input: [{ role: "user", content }] };
    expect((await post(`${server.url}/v1/responses`, body)).status).toBe(400);
  });
});

describe("the AI SDK's default provider", () => {
  const model = () => createOpenAI({ apiKey: "any", baseURL: `${server.url}/v1` })("tiny-vlm");
  const messages = (text = "why"): ModelMessage[] => [
    {
      role: "user",
      content: [
        { type: "file", mediaType: "image/png", data: png },
        { type: "text", text },
      ],
    },
  ];

  it("gets an answer about an image, and goes on with it", async () => {
    const expected = await said({ role: "system", content: "sys" }, vlmSee());
    const first = await generateText({ model: model(), system: "sys", messages: messages(), maxOutputTokens: 8 });
    expect(first.text).toBe(expected.text);
    expect(first.finishReason).toBe("length");
    expect(first.usage).toMatchObject({ inputTokens: expected.promptTokens, outputTokens: 8 });
    const next = await generateText({
      model: model(),
      messages: [...messages(), ...first.responseMessages, { role: "user", content: "how" }],
      maxOutputTokens: 8,
    });
    const after = await said(vlmSee(), { role: "assistant", content: first.text }, { role: "user", content: "how" });
    expect(next.text).toBe(after.text);
  });

  it("streams it", async () => {
    const result = streamText({ model: model(), messages: messages(), maxOutputTokens: 8 });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect(text).toBe((await said(vlmSee())).text);
    expect(await result.finishReason).toBe("length");
  });

  it("gets an object of an ordinary zod schema", async () => {
    const schema = z.object({ kind: z.enum(["cat", "dog"]), legs: z.int().min(1).max(4), note: z.string().max(5) });
    const { output } = await generateText({
      model: model(),
      messages: messages(),
      output: Output.object({ schema }),
      maxOutputTokens: 120,
    });
    expect(schema.parse(output)).toEqual(output);
  });
});
