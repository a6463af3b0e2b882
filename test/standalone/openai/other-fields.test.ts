import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Listening, RequestLog } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let url: string;
let plain: string;
const logs: RequestLog[] = [];
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models, { onRequest: (log) => logs.push(log) });
  url = `data:image/png;base64,${Buffer.from(await encodePng(picture(20, 20))).toString("base64")}`;
  plain = (await models.vlm.chat([{ role: "user", content: "why" }], { maxTokens: 8 })).text;
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const body = { model: "tiny-vlm", max_tokens: 8, messages: [{ role: "user", content: "why" }] };
const send = (fields: object) => post(`${server.url}/v1/chat/completions`, { ...body, ...fields });
interface Answer {
  readonly choices: { readonly index: number; readonly message: { readonly content: string } }[];
  readonly usage: { readonly completion_tokens: number };
  readonly error: { readonly param: string; readonly message: string };
}
const jsonOf = async (answer: Response) => (await answer.json()) as Answer;
const answerTo = async (fields: object) => {
  const answer = await send(fields);
  const json = await jsonOf(answer);
  expect(json.error).toBeUndefined();
  return { text: json.choices[0]!.message.content, warning: answer.headers.get("x-vqrae-warning"), ...json };
};
const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];

describe("has no effect, and says so", () => {
  it.each<[string, unknown]>([
    ["reasoning_effort", "low"],
    ["chat_template_kwargs", { enable_thinking: false }],
    ["verbosity", "low"],
    ["options", { num_ctx: 4096 }],
    ["chat_id", "x"],
    ["repeat_last_n", 64],
    ["samplers", ["top_k"]],
    ["tools", tools],
    ["functions", [{ name: "look" }]],
    ["extra_body", {}],
  ])("%s", async (name, value) => {
    const { text, warning } = await answerTo({ [name]: value });
    expect(text).toBe(plain);
    expect(warning).toContain(`${name} has no effect here`);
    expect(logs.at(-1)?.warnings.join()).toContain(`${name} has no effect here`);
  });

  it("names some of many fields, in a header that any client takes", async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`é${i}\n`, i]));
    const { text, warning } = await answerTo(many);
    expect(text).toBe(plain);
    expect(warning).toMatch(/4992 more fields have no effect here/);
    expect(warning!.length).toBeLessThan(2001);
  });
});

it.each<[string, object]>([
  ["user", { user: "u" }],
  ["keep_alive", { keep_alive: "5m" }],
  ["cache_prompt", { cache_prompt: true }],
  ["prediction", { prediction: { type: "content", content: "x" } }],
  ["tools that are not to be called", { tools, tool_choice: "none" }],
  ["no tools", { tools: [], tool_choice: "auto", functions: [] }],
  ["min_p 0", { min_p: 0 }],
  ["repeat_penalty 1", { repeat_penalty: 1, mirostat: 0, typical_p: 1 }],
  [
    "what vLLM's and llama.cpp's clients send of it and is off",
    {
      use_beam_search: false,
      min_tokens: 0,
      stop_token_ids: [],
      bad_words: [],
      allowed_token_ids: null,
      typ_p: 1,
      top_n_sigma: -1,
      dynatemp_range: 0,
      documents: [],
      echo: false,
      top_logprobs: 0,
    },
  ],
  [
    "tools of which none may be called",
    { tools, tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [] } } },
  ],
  ["top_k -1", { top_k: -1 }],
  ["top_p 0", { top_p: 0 }],
  ["n 1", { n: 1, best_of: 1, logprobs: false }],
  ["no schema", { response_format: { type: "text" } }],
])("%s changes nothing and needs no warning", async (_name, fields) => {
  expect(await answerTo(fields)).toMatchObject({ text: plain, warning: null });
});

it.each<[string, object]>([
  ["tool_choice", { tools, tool_choice: "required" }],
  ["tool_choice", { tools, tool_choice: { type: "function", function: { name: "look" } } }],
  ["function_call", { functions: [{ name: "look" }], function_call: { name: "look" } }],
  ["top_logprobs", { logprobs: true, top_logprobs: 21 }],
  ["typ_p", { typ_p: 0.5 }],
  ["top_a", { top_a: 0.5 }],
  ["top_n_sigma", { top_n_sigma: 1 }],
  ["dynatemp_range", { dynatemp_range: 0.5 }],
  ["no_repeat_ngram_size", { no_repeat_ngram_size: 3 }],
  ["use_beam_search", { use_beam_search: true }],
  ["min_tokens", { min_tokens: 5 }],
  ["stop_token_ids", { stop_token_ids: [3] }],
  ["bad_words", { bad_words: ["a"] }],
  ["allowed_token_ids", { allowed_token_ids: [3] }],
  ["guided_choice", { guided_choice: ["yes", "no"] }],
  ["structured_outputs", { structured_outputs: { choice: ["yes", "no"] } }],
  ["regex", { regex: "a+" }],
  ["echo", { echo: true }],
  ["documents", { documents: [{ text: "a" }] }],
  ["chat_template", { chat_template: "{{ messages }}" }],
  ["response_format", { response_format: { type: "grammar", value: 'root ::= "x"' } }],
  ["response_format", { response_format: { type: "json_schema", json_schema: { name: "x" } } }],
  ["tool_choice", { tools, tool_choice: "any" }],
  ["tool_choice", { tools, tool_choice: { type: "custom", custom: { name: "look" } } }],
  ["grammar", { grammar: 'root ::= "x"' }],
  ["mirostat", { mirostat: 2 }],
  ["guided_json", { guided_json: {} }],
  ["audio", { audio: { voice: "x" } }],
  ["web_search_options", { web_search_options: {} }],
  ["ignore_eos", { ignore_eos: true }],
  ["n", { n: 9 }],
  ["presence_penalty", { presence_penalty: 3 }],
  ["max_tokens", { max_tokens: -2 }],
])("%s would change the answer, and is refused by name", async (name, fields) => {
  const answer = await send(fields);
  expect(answer.status).toBe(400);
  const { error } = await jsonOf(answer);
  expect(error.param).toMatch(new RegExp(`^${name}`));
  expect(error.message).toMatch(/^Expected/);
});

it("a schema is kept to wherever other servers take it", async () => {
  const schema = {
    type: "object",
    properties: { a: { type: "boolean" } },
    required: ["a"],
    additionalProperties: false,
  };
  const placed: object[] = [
    { response_format: { type: "json_schema", json_schema: { name: "x", schema } } },
    { response_format: { type: "json_schema", schema } },
    { response_format: { type: "json_object", schema } },
    { json_schema: schema },
  ];
  for (const fields of placed) {
    const { text, warning } = await answerTo({ ...fields, max_tokens: 60 });
    expect([JSON.parse(text), warning]).toEqual([{ a: expect.any(Boolean) }, null]);
  }
  const output = { type: "json_schema", schema };
  for (const fields of [{ output_config: { format: output } }, { output_format: output }]) {
    const asked = { ...body, max_tokens: 60, ...fields };
    const answer = await post(`${server.url}/v1/messages`, asked);
    const { content } = (await answer.json()) as { content: [{ text: string }] };
    expect(JSON.parse(content[0].text)).toEqual({ a: expect.any(Boolean) });
  }
});

it("n_predict is llama.cpp's name of max_tokens", async () => {
  const { usage } = await answerTo({ max_tokens: null, n_predict: 3 });
  expect(usage.completion_tokens).toBe(3);
});

describe("is passed on", () => {
  const hot = { temperature: 1.9, seed: 5 };
  it.each<[string, object, object]>([
    ["min_p", { ...hot, min_p: 0.9 }, { ...hot, minP: 0.9 }],
    ["repeat_penalty", { repeat_penalty: 5 }, { repeatPenalty: 5 }],
    ["repetition_penalty", { repetition_penalty: 5 }, { repeatPenalty: 5 }],
    ["presence_penalty", { presence_penalty: 2 }, { presencePenalty: 2 }],
    ["frequency_penalty", { frequency_penalty: 2 }, { frequencyPenalty: 2 }],
  ])("%s", async (_name, fields, options) => {
    const without = await models.vlm.chat([{ role: "user", content: "why" }], {
      ...("seed" in options && hot),
      maxTokens: 40,
    });
    const expected = await models.vlm.chat([{ role: "user", content: "why" }], { ...options, maxTokens: 40 });
    const { text, warning } = await answerTo({ ...fields, max_tokens: 40 });
    expect(text).toBe(expected.text);
    expect(text).not.toBe(without.text);
    expect(warning).toBeNull();
  });

  it("logit_bias", async () => {
    const [token] = models.vlm.model.tokenize("q");
    expect((await answerTo({ logit_bias: { [token!]: 100 }, max_tokens: 5 })).text).toBe("qqqqq");
    const { error } = await jsonOf(await send({ logit_bias: { 99999999: 1 } }));
    expect(error.message).toMatch(/logitBias/);
  });

  it("max_tokens -1, as many as the context holds", async () => {
    const [token] = models.vlm.model.tokenize("q");
    const { usage } = await answerTo({ logit_bias: { [token!]: 100 }, max_tokens: -1 });
    expect(usage.completion_tokens).toBeGreaterThan(400);
  });

  it("n, each answer by a seed of its own, in a stream too", async () => {
    const client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
    const asked = { ...body, n: 3, temperature: 1.5, seed: 7 } as const;
    const { choices, usage } = await client.chat.completions.create(asked as never);
    const texts = choices.map(({ message }) => message.content);
    const expected = await models.vlm.chat([{ role: "user", content: "why" }], {
      temperature: 1.5,
      seed: 9,
      maxTokens: 8,
    });
    expect(texts[2]).toBe(expected.text);
    expect(new Set(texts).size).toBe(3);
    expect(usage!.completion_tokens).toBeGreaterThan(8);
    const stream = client.chat.completions.stream(asked as never);
    const { choices: streamed } = await stream.finalChatCompletion();
    expect(streamed.map(({ message }) => message.content)).toEqual(texts);
  });
});

describe("a message", () => {
  it("may be an answer without content, and may have more fields", async () => {
    const messages = [
      { role: "user", content: "why" },
      { role: "assistant", content: null, refusal: null, annotations: [], reasoning_content: "x" },
      { role: "user", content: [{ type: "text", text: "why", cache_control: { type: "ephemeral" } }], id: "m1" },
    ];
    const expected = await models.vlm.chat(
      [
        { role: "user", content: "why" },
        { role: "assistant", content: "" },
        { role: "user", content: ["why"] },
      ],
      { maxTokens: 8 },
    );
    expect((await answerTo({ messages })).text).toBe(expected.text);
  });

  it("may have the URL of its image as a text", async () => {
    const content = (image_url: unknown) => [
      { type: "image_url", image_url },
      { type: "text", text: "why" },
    ];
    const asked = (image_url: unknown) => answerTo({ messages: [{ role: "user", content: content(image_url) }] });
    const expected = await asked({ url, detail: "original" });
    expect((await asked(url)).text).toBe(expected.text);
    expect(expected.text).not.toBe(plain);
  });

  it("a schema's keywords that no grammar keeps are warnings, strict or not", async () => {
    const schema = {
      type: "object",
      properties: { a: { type: "integer", minimum: 3, multipleOf: 2 } },
      required: ["a"],
    };
    const response_format = { type: "json_schema", json_schema: { name: "x", strict: true, schema } };
    const { text, warning } = await answerTo({ response_format, max_tokens: 60 });
    expect(JSON.parse(text).a).toEqual(expect.any(Number));
    expect(warning).toMatch(/jsonSchema\.properties\.a has the keyword minimum.*multipleOf/);
  });

  it("may leave out the model", async () => {
    expect((await answerTo({ model: null })).text).toBe(plain);
  });
});

describe("the log", () => {
  it("has a line for each request, with the id that the answer has", async () => {
    logs.length = 0;
    const answer = await send({});
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
    const stream = await post(
      `${server.url}/v1/chat/completions`,
      { ...body, stream: true },
      { "x-request-id": "mine-1" },
    );
    expect(stream.headers.get("x-request-id")).toBe("mine-1");
    await stream.text();
    const refused = await post(
      `${server.url}/v1/chat/completions`,
      { ...body, model: "gpt" },
      { "x-request-id": "a b" },
    );
    expect(refused.headers.get("x-request-id")).toMatch(/^req_/);
    await fetch(`${server.url}/nothing?key=secret`);
    const counts = { promptTokens: expect.any(Number), answerTokens: 8, model: "tiny-vlm", warnings: [] };
    expect(logs).toMatchObject([
      { id: answer.headers.get("x-request-id"), status: 200, path: "/v1/chat/completions", method: "POST", ...counts },
      { id: "mine-1", status: 200, ...counts },
      { status: 404, model: null },
      { status: 404, path: "/nothing" },
    ]);
    expect(JSON.stringify(logs)).not.toContain("secret");
  });

  it("is counted for Prometheus", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^vqrae_requests_total\{path="\/v1\/chat\/completions",status="200"\} \d+$/m);
    expect(text).toMatch(/^vqrae_requests_total\{path="other",status="404"\} 1$/m);
    expect(text).toMatch(/^vqrae_requests_running\{path="\/v1\/chat\/completions"\} 0$/m);
    expect(text).toMatch(/^vqrae_answer_tokens_total [1-9]\d*$/m);
    for (const line of text.trimEnd().split("\n"))
      expect(line).toMatch(/^(# (HELP|TYPE) vqrae_|vqrae_\w+(\{[^}]*\})? [\d.e-]+$)/);
  });
});

describe("pages of other origins", () => {
  const origin = "https://chat.example.com";
  const preflight = (to: string, from: string) =>
    fetch(`${to}/v1/chat/completions`, {
      method: "OPTIONS",
      headers: {
        origin: from,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
      },
    });

  it("are allowed by name, before the key is asked for", async () => {
    const named = await serveTiny(models, { cors: [origin], apiKey: "secret" });
    const answer = await preflight(named.url, origin);
    expect(answer.status).toBe(204);
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    expect(answer.headers.get("access-control-allow-headers")).toBe("authorization");
    expect((await preflight(named.url, "https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    const refused = await post(`${named.url}/v1/chat/completions`, body, { origin });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, origin]);
    expect((await fetch(`${named.url}/metrics`)).status).toBe(401);
    await named.close();
  });

  it("are any where the server has no key, and none by default", async () => {
    const open = await serveTiny(models, { cors: ["*"] });
    expect((await preflight(open.url, origin)).headers.get("access-control-allow-origin")).toBe("*");
    await open.close();
    const closed = await preflight(server.url, origin);
    expect([closed.status, closed.headers.get("access-control-allow-origin")]).toEqual([405, null]);
    await expect(serveTiny(models, { cors: ["*"], apiKey: "x" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(serveTiny(models, { cors: ["chat.example.com/"] })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });
});
