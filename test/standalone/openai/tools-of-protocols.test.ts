import { createOpenAI } from "@ai-sdk/openai";
import Anthropic from "@anthropic-ai/sdk";
import { HumanMessage, type ToolMessage } from "@langchain/core/messages";
import { tool as langChainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { post } from "../../helpers/tiny-endpoint.ts";
import { biasToCall, serveToolModels, type ToolServer } from "../../helpers/tool-models.ts";
import { withoutRepeats } from "../../helpers/without-repeats.ts";

/** Tools on the paths beside chat completions (tools.test.ts), by the clients that speak each. */
let server: ToolServer;
let bias: Awaited<ReturnType<typeof biasToCall>>;
beforeAll(async () => {
  server = await serveToolModels();
  bias = await biasToCall(server.vlm, [{ ...look, parameters }], question);
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(() => server.close());

const later = () => {
  const { logitBias, ...sampling } = bias.later;
  return { ...sampling, logit_bias: logitBias };
};
const place = expect.stringMatching(/^(left|right)$/);
const parameters = {
  type: "object" as const,
  properties: { place: { type: "string" as const, enum: ["left", "right"] } },
  required: ["place"],
  additionalProperties: false,
};
const look = { name: "look", description: "looks at a place" };
const schema = z.object({ place: z.enum(["left", "right"]) });
const question = "how";
/** Tokens of the prompt of the question, the call and what came of it, as the model itself counts them. */
const tokensAfter = async (values: object, result = "a cat") => {
  const call = { name: "look", arguments: values as Record<string, unknown> };
  const messages = [
    { role: "user" as const, content: question },
    { role: "assistant" as const, content: "", toolCalls: [call] },
    { role: "tool" as const, content: result },
  ];
  return (await server.vlm.chat(messages, { maxTokens: 2, tools: [{ ...look, parameters }] })).promptTokens;
};

/** Without those of the question and the tools, which a client writes in its own way. */
const tokensOfCall = async (values: object) => {
  const asked = { maxTokens: 1, tools: [{ ...look, parameters }] };
  const { promptTokens } = await server.vlm.chat([{ role: "user", content: question }], asked);
  return (await tokensAfter(values))! - promptTokens!;
};

describe("responses, by the openai client", () => {
  const client = () => new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  const tools = [{ type: "function" as const, ...look, parameters, strict: true }];
  const asked = { model: "tiny-vlm", input: question, tools, max_output_tokens: 200 };
  const callOf = (output: readonly OpenAI.Responses.ResponseOutputItem[]) => {
    expect(output.map(({ type }) => type)).toEqual(["function_call"]);
    const [call] = output;
    if (call?.type !== "function_call") throw new Error("no call");
    expect(call).toMatchObject({ name: "look", status: "completed", call_id: expect.stringMatching(/^call_/) });
    expect(JSON.parse(call.arguments)).toEqual({ place });
    return call;
  };

  it("get the call, and go on with what came of it: by the items, by the id, by a reference", async () => {
    const first = await client().responses.create({ ...asked, tool_choice: "required" });
    expect(first).toMatchObject({ status: "completed", output_text: "" });
    const call = callOf(first.output);
    const expected = await tokensAfter(JSON.parse(call.arguments));
    const output = { type: "function_call_output" as const, call_id: call.call_id, output: "a cat" };
    const short = { ...asked, max_output_tokens: 2, tool_choice: "auto" as const };
    const user = { role: "user" as const, content: question };
    const goOn = (fields: object) => client().responses.create({ ...short, ...fields });
    for (const fields of [
      { input: [user, call, output] },
      { input: [user, call, { ...output, output: [{ type: "input_text", text: "a cat" }] }] },
      { previous_response_id: first.id, input: [output] },
      { input: [user, { type: "item_reference", id: call.id }, output] },
    ]) {
      expect((await goOn(fields)).usage!.input_tokens).toBe(expected);
    }
  });

  it("get it as a stream, in the order of OpenAI's events", async () => {
    const choice = { type: "function" as const, name: "look" };
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    const stream = client().responses.stream({ ...asked, tool_choice: choice });
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    callOf((await stream.finalResponse()).output);
  });

  it("get what the model says before it calls, as an item of its own", async () => {
    const free = { ...asked, max_output_tokens: 300, ...later() };
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    const stream = client().responses.stream(free);
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
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const { output, output_text: text } = await stream.finalResponse();
    expect([output.map(({ type }) => type), text]).toEqual([["message", "function_call"], bias.text]);
  });

  it("get an answer where the model may and does not, and where it must not", async () => {
    const plain = await client().responses.create({ model: "tiny-vlm", input: question, max_output_tokens: 2 });
    const none = await client().responses.create({ ...asked, max_output_tokens: 2, tool_choice: "none" });
    expect(none.output).toMatchObject([{ type: "message", content: [{ text: plain.output_text }] }]);
    expect(none.usage!.input_tokens).toBe(plain.usage!.input_tokens);
    const auto = await client().responses.create({ ...asked, max_output_tokens: 2 });
    expect(auto.output.map(({ type }) => type)).toEqual(["message"]);
    expect(auto.usage!.input_tokens).toBeGreaterThan(plain.usage!.input_tokens + 100);
  });
});

describe("the AI SDK's default provider", () => {
  const asked = (execute: (input: { place: string }) => Promise<string>) => ({
    model: createOpenAI({ apiKey: "any", baseURL: `${server.url}/v1` })("tiny-vlm"),
    prompt: question,
    tools: { look: tool({ description: look.description, inputSchema: schema, execute }) },
    toolChoice: "required" as const,
    stopWhen: stepCountIs(2),
    maxOutputTokens: 200,
    maxRetries: 0,
  });

  it("runs tools, at once and as a stream", async () => {
    const seen: string[] = [];
    const execute = async (input: { place: string }) => {
      seen.push(input.place);
      return "a cat";
    };
    const { steps } = await generateText(asked(execute));
    expect(steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "tool-calls"]);
    const [first, second] = steps.map(({ usage }) => usage.inputTokens!);
    expect(second! - first!).toBe(await tokensOfCall({ place: seen[0] }));
    const result = streamText(asked(execute));
    await result.consumeStream();
    expect((await result.steps).map(({ toolCalls }) => toolCalls.length)).toEqual([1, 1]);
    expect(seen).toEqual([place, place, place, place]);
  });
});

describe("LangChain through /v1/responses", () => {
  it("binds a tool and gives back what it gave", async () => {
    const configuration = { baseURL: `${server.url}/v1` };
    const fields = { model: "tiny-vlm", apiKey: "any", maxTokens: 200, maxRetries: 0, useResponsesApi: true };
    const chat = new ChatOpenAI({ ...fields, configuration });
    const lookTool = langChainTool(async () => "a cat", { ...look, schema });
    const bound = chat.bindTools([lookTool], { tool_choice: "look" });
    const message = await bound.invoke(question);
    expect(message.tool_calls).toMatchObject([{ name: "look", args: { place } }]);
    const result: ToolMessage = await lookTool.invoke(message.tool_calls![0]!);
    const next = await bound.invoke([new HumanMessage(question), message, result]);
    const inputOf = ({ usage_metadata: usage }: { usage_metadata?: unknown }) =>
      (usage as { input_tokens: number }).input_tokens;
    const [before, after] = [inputOf(message), inputOf(next)];
    expect(after - before).toBe(await tokensOfCall(message.tool_calls![0]!.args));
  });
});

describe("Anthropic's client", () => {
  const client = () => new Anthropic({ baseURL: server.url, apiKey: "any", maxRetries: 0 });
  const tools: Anthropic.Tool[] = [{ ...look, input_schema: parameters }];
  const messages: Anthropic.MessageParam[] = [{ role: "user", content: question }];
  const asked = { model: "tiny-vlm", max_tokens: 200, tools, messages };

  it("gets the use that it asks for, and gives back what came of it", async () => {
    const first = await client().messages.create({ ...asked, tool_choice: { type: "any" } });
    expect(first).toMatchObject({
      stop_reason: "tool_use",
      content: [{ type: "tool_use", id: expect.stringMatching(/^toolu_/), name: "look", input: { place } }],
    });
    const [use] = first.content;
    if (use?.type !== "tool_use") throw new Error("no use");
    const results = (content: Anthropic.ToolResultBlockParam["content"]): Anthropic.MessageParam => ({
      role: "user",
      content: [{ type: "tool_result", tool_use_id: use.id, ...(content !== undefined && { content }) }],
    });
    const next = async (content: Anthropic.ToolResultBlockParam["content"]) => {
      const all: Anthropic.MessageParam[] = [
        ...messages,
        { role: "assistant", content: first.content },
        results(content),
      ];
      return (await client().messages.create({ ...asked, max_tokens: 2, messages: all })).usage.input_tokens;
    };
    const expected = await tokensAfter(use.input as object);
    expect(await next("a cat")).toBe(expected);
    expect(await next([{ type: "text", text: "a cat" }])).toBe(expected);
    expect(await next(undefined)).toBe(await tokensAfter(use.input as object, ""));
  });

  it("gets it by name, as a stream", async () => {
    const stream = client().messages.stream({ ...asked, tool_choice: { type: "tool", name: "look" } });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    expect(await stream.finalMessage()).toMatchObject({ stop_reason: "tool_use", content: [{ input: { place } }] });
  });

  it("gets what the model says before it uses one", async () => {
    const free: object = later();
    const { content } = await client()
      .messages.stream({ ...asked, max_tokens: 300, ...free })
      .finalMessage();
    expect(content).toMatchObject([
      { type: "text", text: bias.text },
      { type: "tool_use", input: { place } },
    ]);
  });

  it("gets an answer where it must not", async () => {
    const { promptTokens } = await server.vlm.chat([{ role: "user", content: question }], { maxTokens: 1 });
    const none = await client().messages.create({ ...asked, max_tokens: 2, tool_choice: { type: "none" } });
    expect(none.usage.input_tokens).toBe(promptTokens);
    const stream = await client()
      .messages.stream({ ...asked, max_tokens: 2 })
      .finalMessage();
    expect(stream.content.map(({ type }) => type)).toEqual(["text"]);
  });
});

describe("ollama's client", () => {
  const client = () => new Ollama({ host: server.url });
  const tools = [{ type: "function", function: { ...look, parameters } }];
  const messages = [{ role: "user", content: question }];
  it("gets a call, at once and as a stream, and gives back what came of it", async () => {
    expect((await client().show({ model: "tiny-vlm" })).capabilities).toContain("tools");
    expect((await client().show({ model: "tiny-generator" })).capabilities).not.toContain("tools");
    // Ollama has no choice of tools.
    const options: object = { num_predict: 200, logit_bias: bias.atOnce };
    const asked = { model: "tiny-vlm", messages, tools, options };
    const { message } = await client().chat(asked);
    expect(message).toMatchObject({ content: "", tool_calls: [{ function: { name: "look", arguments: { place } } }] });
    const calls = [];
    for await (const part of await client().chat({ ...asked, stream: true }))
      calls.push(...(part.message.tool_calls ?? []));
    expect(calls).toMatchObject([{ function: { name: "look" } }]);
    const free: object = { num_predict: 300, ...later() };
    const parts = [];
    for await (const part of await client().chat({ ...asked, options: free, stream: true })) parts.push(part.message);
    expect(parts.map(({ content }) => content).join("")).toBe(bias.text);
    expect(parts.flatMap(({ tool_calls: all = [] }) => all)).toHaveLength(1);
    const result = { role: "tool", content: "a cat", tool_name: "look" };
    const next = { ...asked, messages: [...messages, message, result], options: { num_predict: 2 } };
    const expected = await tokensAfter(message.tool_calls![0]!.function.arguments);
    expect((await client().chat(next)).prompt_eval_count).toBe(expected);
  });
});

describe("is refused", () => {
  const responses = { model: "tiny-vlm", input: question, max_output_tokens: 2 };
  const messages = { model: "tiny-vlm", messages: [{ role: "user", content: question }], max_tokens: 2 };
  const chat = { model: "tiny-vlm", messages: [{ role: "user", content: question }], stream: false };
  const plain = { model: "tiny-generator" };
  const image = { type: "input_image", image_url: "data:image/png;base64,AAAA" };
  const called = (values: string) => [{ type: "function_call", call_id: "a", name: "look", arguments: values }];

  it.each<[string, string, object, RegExp]>([
    [
      "a tool of OpenAI's own",
      "/v1/responses",
      { ...responses, tools: [{ type: "web_search" }] },
      /tools\[0\].*only functions/,
    ],
    ["a call of it", "/v1/responses", { ...responses, tool_choice: { type: "web_search" } }, /tool_choice/],
    ["a list of choices", "/v1/responses", { ...responses, tool_choice: { type: "allowed_tools" } }, /tool_choice/],
    [
      "a call of nothing",
      "/v1/responses",
      { ...responses, tool_choice: "required" },
      /Expected tools beside tool_choice/,
    ],
    ["arguments that are no object", "/v1/responses", { ...responses, input: called("[]") }, /object of JSON/],
    ["a call at the end", "/v1/responses", { ...responses, input: called("{}") }, /of the user or of a tool/],
    [
      "a picture of a tool",
      "/v1/responses",
      { ...responses, input: [...called("{}"), { type: "function_call_output", call_id: "a", output: [image] }] },
      /text for input\[1\].output\[0\]/,
    ],
    [
      "what came of a call, by a model that calls none",
      "/v1/responses",
      { ...responses, ...plain, input: called("{}") },
      /input\[0\].type: this model calls none/,
    ],
    [
      "a call of a model that calls none",
      "/v1/responses",
      { ...responses, ...plain, tool_choice: "required" },
      /calls no tools/,
    ],
    [
      "a tool of Anthropic's own",
      "/v1/messages",
      { ...messages, tools: [{ type: "bash_20250124", name: "bash" }] },
      /tools\[0\]/,
    ],
    ["a tool without a schema", "/v1/messages", { ...messages, tools: [{ name: "look" }] }, /tools\[0\].input_schema/],
    [
      "a use by a model that calls none",
      "/v1/messages",
      { ...messages, ...plain, tool_choice: { type: "any" } },
      /calls no tools/,
    ],
    [
      "a result for a model that calls none",
      "/v1/messages",
      { ...messages, ...plain, messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "a" }] }] },
      /messages\[0\].content\[0\].type: this model calls none/,
    ],
    [
      "an input that is no object",
      "/v1/messages",
      {
        ...messages,
        messages: [{ role: "assistant", content: [{ type: "tool_use", id: "a", name: "look", input: 1 }] }],
      },
      /messages\[0\].content\[0\].input/,
    ],
    ["a tool without a name", "/api/chat", { ...chat, tools: [{ function: {} }] }, /tools\[0\].function.name/],
    [
      "a result for a model that calls none",
      "/api/chat",
      { ...chat, ...plain, messages: [{ role: "tool", content: "x" }] },
      /messages\[0\].role: this model calls none/,
    ],
    [
      "arguments as text",
      "/api/chat",
      { ...chat, messages: [{ role: "assistant", tool_calls: [{ function: { name: "look", arguments: "{}" } }] }] },
      /arguments/,
    ],
  ])("%s on %s", async (_name, path, body, message) => {
    const answer = await post(server.url + path, body);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(message)]);
  });

  it.each<[string, object]>([
    ["/v1/responses", { ...responses, ...plain, tools: [{ type: "web_search" }] }],
    ["/v1/messages", { ...messages, ...plain, tools: [{ type: "bash_20250124", name: "bash" }] }],
    ["/api/chat", { ...chat, ...plain, tools: [{}], options: { num_predict: 2 } }],
  ])("nothing on %s where a model that calls none may answer: it is warned of", async (path, body) => {
    const answer = await post(server.url + path, body);
    const warning = answer.headers.get("x-vqrae-warning");
    expect([answer.status, warning]).toEqual([200, expect.stringMatching(/tools has no effect/)]);
  });
});
