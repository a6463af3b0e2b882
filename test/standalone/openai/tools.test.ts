import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, stepCountIs, tool } from "ai";
import OpenAI from "openai";
import type { RunnableToolFunctionWithParse } from "openai/lib/RunnableFunction";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { post } from "../../helpers/tiny-endpoint.ts";
import { serveToolModels, type ToolServer } from "../../helpers/tool-models.ts";

let server: ToolServer;
let client: OpenAI;
beforeAll(async () => {
  server = await serveToolModels();
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(() => server.close());

const tools: ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "look",
      description: "looks at a place",
      strict: true,
      parameters: {
        type: "object",
        properties: { place: { enum: ["left", "right"] } },
        required: ["place"],
        additionalProperties: false,
      },
    },
  },
];
const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "how" }];
const asked = { model: "tiny-vlm", messages, tools, max_tokens: 200 } as const;

describe("the openai client", () => {
  it("gets the call that it asks for, and gives back what came of it", async () => {
    const { choices, usage } = await client.chat.completions.create({ ...asked, tool_choice: "required" });
    const [{ message, finish_reason: reason }] = choices as [(typeof choices)[number]];
    expect(reason).toBe("tool_calls");
    expect(message.content).toBeNull();
    const [call] = message.tool_calls!;
    if (call?.type !== "function") throw new Error("no function");
    expect(call.id).toMatch(/^call_/);
    expect(call.function.name).toBe("look");
    expect(["left", "right"]).toContain(JSON.parse(call.function.arguments).place);
    const next = await client.chat.completions.create({
      ...asked,
      max_tokens: 4,
      messages: [...messages, message, { role: "tool", tool_call_id: call.id, content: "a cat" }],
    });
    expect(next.usage!.prompt_tokens).toBeGreaterThan(usage!.prompt_tokens + 40);
  });

  it("gets it by name, as a stream, and several", async () => {
    const choice = { type: "function", function: { name: "look" } } as const;
    const runner = client.chat.completions.stream({ ...asked, tool_choice: choice, n: 2, temperature: 1, seed: 1 });
    const { choices } = await runner.finalChatCompletion();
    expect(choices.map(({ finish_reason: reason }) => reason)).toEqual(["tool_calls", "tool_calls"]);
    for (const { message } of choices) {
      const [call] = message.tool_calls!;
      if (call?.type !== "function") throw new Error("no function");
      expect(JSON.parse(call.function.arguments).place).toMatch(/^(left|right)$/);
    }
  });

  it("runs the tools of its helper, several in a turn where it may", async () => {
    const seen: string[] = [];
    const look: RunnableToolFunctionWithParse<{ place: string }> = {
      type: "function",
      function: {
        name: "look",
        parameters: tools[0]!.type === "function" ? tools[0]!.function.parameters! : {},
        description: "looks at a place",
        parse: (text) => JSON.parse(text),
        function: ({ place }) => {
          seen.push(place);
          return "a cat";
        },
      },
    };
    // What stands between two calls begins with it. Random weights seldom choose it.
    const [newline] = server.vlm.model.tokenize("\n");
    const asked = {
      model: "tiny-vlm",
      messages,
      tools: [look],
      tool_choice: "required" as const,
      parallel_tool_calls: true,
      logit_bias: { [Number(newline)]: 30 },
      max_tokens: 900,
    };
    const runner = client.chat.completions.runTools(asked, { maxChatCompletions: 1 });
    await runner.done();
    const [, answer, ...results] = runner.messages;
    const calls = answer!.role === "assistant" ? answer!.tool_calls! : [];
    expect(calls.length).toBeGreaterThan(1);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
    expect(results.map((result) => result.role === "tool" && result.tool_call_id)).toEqual(calls.map(({ id }) => id));
    for (const place of seen) expect(place).toMatch(/^(left|right)$/);
    const stream = client.chat.completions.stream({ ...asked, tools });
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]!.message.tool_calls!.length).toBeGreaterThan(1);
  });

  it("gets an answer where the model may and does not, and where it must not", async () => {
    const { promptTokens } = await server.vlm.chat([{ role: "user", content: "how" }], { maxTokens: 1 });
    const auto = await client.chat.completions.create({ ...asked, max_tokens: 2, tool_choice: "auto" });
    expect(auto.choices[0]!.message.tool_calls).toBeUndefined();
    expect(auto.usage!.prompt_tokens).toBeGreaterThan(promptTokens! + 100);
    const none = await client.chat.completions.create({ ...asked, max_tokens: 2, tool_choice: "none" });
    expect(none.usage!.prompt_tokens).toBe(promptTokens);
  });
});

describe("other clients", () => {
  it("LangChain binds tools", async () => {
    const chat = new ChatOpenAI({
      model: "tiny-vlm",
      apiKey: "any",
      maxTokens: 200,
      maxRetries: 0,
      configuration: { baseURL: `${server.url}/v1` },
    });
    const schema = z.object({ place: z.enum(["left", "right"]) });
    const look = { name: "look", description: "looks", schema };
    const { tool_calls: calls } = await chat.bindTools([look], { tool_choice: "look" }).invoke("how");
    expect(calls).toMatchObject([{ name: "look", args: { place: expect.stringMatching(/left|right/) } }]);
  });

  it("the AI SDK runs tools", async () => {
    const provider = createOpenAICompatible({ name: "vqrae", baseURL: `${server.url}/v1` });
    const seen: string[] = [];
    const { steps } = await generateText({
      model: provider("tiny-vlm"),
      prompt: "how",
      tools: {
        look: tool({
          inputSchema: z.object({ place: z.enum(["left", "right"]) }),
          execute: async ({ place }) => {
            seen.push(place);
            return "a cat";
          },
        }),
      },
      toolChoice: "required",
      stopWhen: stepCountIs(2),
      maxOutputTokens: 200,
      maxRetries: 0,
    });
    expect(steps).toHaveLength(2);
    expect(seen).toHaveLength(2);
  });
});

describe("is refused", () => {
  const refused = async (body: object, message: RegExp) => {
    const answer = await post(`${server.url}/v1/chat/completions`, { ...asked, ...body });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(message);
  };
  const called = (text: string) => ({
    role: "assistant",
    content: null,
    tool_calls: [{ id: "a", type: "function", function: { name: "look", arguments: text } }],
  });
  const result = { role: "tool", tool_call_id: "a", content: "x" };

  it.each<[string, object, RegExp]>([
    ["a tool of another kind", { tools: [{ type: "web_search" }] }, /tools\[0\].*only functions/],
    ["a name that is none", { tools: [{ function: { name: "a b" } }] }, /tools\[0\].function.name/],
    ["the same name twice", { tools: [tools[0], tools[0]] }, /different names/],
    ["a call of what is not there", { tool_choice: { type: "function", function: { name: "fly" } } }, /one of look/],
    ["a call of nothing", { tools: [], tool_choice: "required" }, /Expected tools/],
    ["a thousand tools and more", { tools: Array(1100).fill({}) }, /1024 items/],
    ["arguments that are no object", { messages: [...messages, called("[1]"), result] }, /object of JSON/],
    [
      "arguments as deep as a text can be",
      { messages: [...messages, called("[".repeat(500_000) + "]".repeat(500_000)), result] },
      /limits of a body/,
    ],
    [
      "arguments of many values, over all calls",
      { messages: [...messages, ...Array(20).fill(called(`{"a":[${"{},".repeat(7000)}1]}`)), result] },
      /limits of a body/,
    ],
    ["arguments that break off", { messages: [...messages, called('{"place":'), result] }, /object of JSON/],
    ["an end with a call", { messages: [...messages, called("{}")] }, /of the user or of a tool/],
    ["tools beside a schema", { response_format: { type: "json_object" } }, /tools or jsonSchema/],
    ["a call of a model that calls none", { model: "tiny-generator", tool_choice: "required" }, /calls no tools/],
    [
      "a result for a model that calls none",
      { model: "tiny-generator", messages: [...messages, result] },
      /calls none/,
    ],
  ])("%s", async (_name, body, message) => refused(body, message));

  it("nothing where a model that calls none may answer: it is warned of", async () => {
    const body = { ...asked, model: "tiny-generator", max_tokens: 2 };
    const answer = await post(`${server.url}/v1/chat/completions`, body);
    expect([answer.status, answer.headers.get("x-vqrae-warning")]).toEqual([
      200,
      expect.stringMatching(/tools has no/),
    ]);
  });
});
