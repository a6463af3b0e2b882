import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import OpenAI from "openai";
import type { ResponseCreateParamsNonStreaming } from "openai/resources/responses/responses";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createEndpoint, type Listening, listen } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { maskedPng } from "../../helpers/masked-png.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { serveToolModels, type ToolServer } from "../../helpers/tool-models.ts";
import { withoutRepeats } from "../../helpers/without-repeats.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let client: OpenAI;
let url: string;
let mask: string;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  const dataUrl = (png: Uint8Array) => `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  url = dataUrl(await encodePng(picture(30, 20)));
  mask = dataUrl(await maskedPng(30, 20, (x) => x >= 16));
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const tool = (fields: object = {}) => [{ type: "image_generation", seed: 3, ...fields }] as never;
const body: ResponseCreateParamsNonStreaming = { model: "tiny-vlm", input: "a cat", tools: tool() };
const drawnBy = async (fields: object) => {
  const answer = await post(`${server.url}/v1/images/${"image" in fields ? "edits" : "generations"}`, {
    prompt: "a cat",
    seed: 3,
    ...fields,
  });
  return ((await answer.json()) as { data: [{ b64_json: string }] }).data[0].b64_json;
};
const see = (text = "a cat") => [
  {
    role: "user" as const,
    content: [
      { type: "input_image" as const, image_url: url, detail: "auto" as const },
      { type: "input_text" as const, text },
    ],
  },
];

describe("the tool image_generation", () => {
  it("draws what the images path draws, as an item of the response", async () => {
    const answer = await client.responses.create(body);
    expect(answer).toMatchObject({ status: "completed", output_text: "", usage: { input_tokens: 0 } });
    expect(answer.output).toEqual([
      expect.objectContaining({
        type: "image_generation_call",
        id: expect.stringMatching(/^ig_/),
        status: "completed",
        result: await drawnBy({}),
        revised_prompt: "a cat",
      }),
    ]);
    for (const choice of [{ type: "image_generation" }, "required"] as const) {
      const { output } = await client.responses.create({ ...body, tool_choice: choice });
      expect(output).toEqual([expect.objectContaining({ result: (answer.output[0] as { result: string }).result })]);
    }
  });

  it("streams its previews in OpenAI's events, in order", async () => {
    const events = [];
    const stream = await client.responses.create({ ...body, tools: tool({ partial_images: 3 }), stream: true });
    for await (const event of stream) events.push(event);
    expect(withoutRepeats(events.map(({ type }) => type))).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.image_generation_call.in_progress",
      "response.image_generation_call.generating",
      "response.image_generation_call.partial_image",
      "response.image_generation_call.completed",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    const previews = events.filter(({ type }) => type === "response.image_generation_call.partial_image");
    expect(previews.map((one) => "partial_image_index" in one && one.partial_image_index)).toEqual([0, 1, 2]);
    for (const one of previews) {
      if (!("partial_image_b64" in one)) throw new Error("no picture");
      expect(Buffer.from(one.partial_image_b64, "base64").subarray(1, 4).toString()).toBe("PNG");
    }
    const last = events.at(-1)!;
    if (last.type !== "response.completed") throw new Error("not completed");
    expect(last.response.output).toEqual([expect.objectContaining({ result: await drawnBy({}) })]);
  });

  it("draws the message's image anew, what the mask leaves free of it", async () => {
    const { data, response } = await client.responses.create({ ...body, input: see() }).withResponse();
    expect(data.output).toEqual([expect.objectContaining({ action: "edit", result: await drawnBy({ image: url }) })]);
    expect(response.headers.get("x-vqrae-warning")).toContain("Without a mask");
    const masked = await client.responses.create({
      ...body,
      input: see(),
      tools: tool({ input_image_mask: { image_url: mask } }),
    });
    expect(masked.output).toEqual([expect.objectContaining({ result: await drawnBy({ image: url, mask }) })]);
    const anew = await client.responses.create({ ...body, input: see(), tools: tool({ action: "generate" }) });
    expect(anew.output).toEqual([expect.objectContaining({ result: await drawnBy({}) })]);
  });

  it("leaves a conversation that goes on, by an id and by the items", async () => {
    const first = await client.responses.create(body);
    const next = { model: "tiny-vlm", max_output_tokens: 4, input: "why" };
    const byId = await client.responses.create({ ...next, previous_response_id: first.id });
    const items = [
      { role: "user" as const, content: "a cat" },
      ...first.output,
      { role: "user" as const, content: "why" },
    ];
    const byItems = await client.responses.create({ ...next, input: items as never });
    expect(byItems.output_text).toBe(byId.output_text);
    const drawn = await client.responses.create({ ...body, previous_response_id: first.id, input: "a dog" });
    expect(drawn.output).toEqual([expect.objectContaining({ result: await drawnBy({ prompt: "a dog" }) })]);
  });

  it("draws for the AI SDK's tool", async () => {
    const openai = createOpenAI({ apiKey: "any", baseURL: `${server.url}/v1` });
    const { staticToolResults } = await generateText({
      model: openai("tiny-vlm"),
      prompt: "a cat",
      tools: { image_generation: openai.tools.imageGeneration({ partialImages: 2 }) },
    });
    const [{ output }] = staticToolResults as unknown as [{ output: { result: string } }];
    expect(Buffer.from(output.result, "base64").subarray(1, 4).toString()).toBe("PNG");
  });

  it("has no effect where it must not be called, or the client's own tools are beside it and the model calls none", async () => {
    const none = await client.responses.create({ ...body, tool_choice: "none", max_output_tokens: 2 });
    expect(none.output.map(({ type }) => type)).toEqual(["message"]);
    const tools = [...tool(), { type: "function", name: "look", parameters: {} }] as never;
    const beside = await client.responses.create({ ...body, tools, max_output_tokens: 2 }).withResponse();
    expect(beside.data.output.map(({ type }) => type)).toEqual(["message"]);
    expect(beside.response.headers.get("x-vqrae-warning")).toMatch(/image_generation has no effect here beside/);
  });

  it.each<[string, object, number]>([
    ["size", { tools: tool({ size: "1024x1024" }) }, 400],
    ["output_format", { tools: tool({ output_format: "webp" }) }, 400],
    ["partial_images", { tools: tool({ partial_images: 4 }) }, 400],
    ["file_id", { tools: tool({ input_image_mask: { file_id: "f" } }), input: "x" }, 400],
    ["image", { tools: tool({ action: "edit" }) }, 400],
    ["words", { input: [{ role: "user", content: [] }] }, 400],
    ["model", { tools: tool({ model: "gpt-image-1" }) }, 404],
    ["pixels", { input: see(), tools: tool({ input_image_mask: { image_url: url } }) }, 400],
  ])("is refused another %s by name", async (name, fields, status) => {
    const answer = await post(`${server.url}/v1/responses`, { ...body, stream: true, ...fields });
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining("Expected")]);
    expect(name).toBeTruthy();
  });

  it("ends with its client, and the next one draws", async () => {
    const gone = new AbortController();
    const asked = { ...body, tools: tool({ partial_images: 3 }), stream: true };
    const answer = await post(`${server.url}/v1/responses`, asked, {}, gone.signal);
    await answer.body!.getReader().read();
    gone.abort();
    expect((await client.responses.create(body)).status).toBe("completed");
  });
});

it("without an image model it has no effect, and is refused where it must be called", async () => {
  const endpoint = await createEndpoint({ languageModels: [models.vlm] });
  await using listening = Object.assign(await listen(endpoint, { port: 0 }), {
    [Symbol.asyncDispose]: () => listening.close(),
  });
  const send = (fields: object) => post(`${listening.url}/v1/responses`, { ...body, max_output_tokens: 2, ...fields });
  const answer = await send({});
  expect([answer.status, answer.headers.get("x-vqrae-warning")]).toEqual([
    200,
    expect.stringContaining("no image model is served"),
  ]);
  expect((await send({ tool_choice: { type: "image_generation" } })).status).toBe(400);
});

describe("a model that calls tools", () => {
  let calling: ToolServer;
  beforeAll(async () => {
    calling = await serveToolModels({ imageModels: [models.generator] });
  }, 180_000);
  afterAll(() => calling.close());

  it("draws what it writes, where it must", async () => {
    // A model of random weights ends a text by chance.
    const [quote] = calling.vlm.model.tokenize('"');
    const asked = { ...body, temperature: 1, logit_bias: { [Number(quote)]: 3 }, max_output_tokens: 400 };
    for (let seed = 1; ; seed++) {
      const choice = { type: "image_generation" };
      const answer = await post(`${calling.url}/v1/responses`, { ...asked, seed, tool_choice: choice });
      if (seed < 20 && answer.status === 400) continue; // no words
      const { output } = (await answer.json()) as {
        output: { type: string; revised_prompt: string; result: string }[];
      };
      if (seed < 20 && output[0]?.type === "message") continue; // cut off
      expect(output.map(({ type }) => type)).toEqual(["image_generation_call"]);
      expect(output[0]!.result).toBe(await drawnBy({ prompt: output[0]!.revised_prompt }));
      break;
    }
  });

  it("answers where it may and does not", async () => {
    const answer = await post(`${calling.url}/v1/responses`, { ...body, max_output_tokens: 3 });
    const { output } = (await answer.json()) as { output: { type: string }[] };
    expect(output.map(({ type }) => type)).toEqual(["message"]);
  });
});
