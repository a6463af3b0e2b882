import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Listening } from "../../adapters/openai/index.ts";
import { encodePng } from "../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../helpers/tiny-endpoint.ts";
import { picture } from "../standalone/runtime/fixtures/tiny.ts";

/**
 * The table of docs/serve.md is what the server does: each name in its cells is sent, and each name that is sent here is in the
 * table.
 */
let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const base64 = Buffer.from(await encodePng(picture(20, 20))).toString("base64");
const url = `data:image/png;base64,${base64}`;
const tool = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };
const clear = async (side: number) => {
  const png = await sharp({ create: { width: side, height: side, channels: 4, background: "transparent" } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
};
const [mask, small] = [await clear(20), await clear(10)];
const schema = { type: "object", properties: { a: { type: "boolean" } }, required: ["a"], additionalProperties: false };
const user = (content: unknown) => ({ role: "user", content });

/** Fields that say one thing of a name in the table; `null` where another name of its cell is sent with it. */
type Cases = Readonly<Record<string, object | null>>;
interface Row {
  readonly path: string;
  readonly body: object;
  readonly takes: Cases;
  readonly ignores: Cases;
  readonly refuses: Cases;
}

const sampling: Cases = {
  temperature: { temperature: 0.5 },
  top_p: { top_p: 0.9 },
  top_k: { top_k: 5 },
  min_p: { min_p: 0.1 },
  repeat_penalty: { repeat_penalty: 1.1 },
  repetition_penalty: { repetition_penalty: 1.1 },
  presence_penalty: { presence_penalty: 0.5 },
  frequency_penalty: { frequency_penalty: 0.5 },
  logit_bias: { logit_bias: { 5: -10 } },
  seed: { seed: 1 },
  stop: { stop: ["x"] },
};
const notSampled: Cases = {
  mirostat: { mirostat: 1 },
  typical_p: { typical_p: 0.5 },
  typ_p: { typ_p: 0.5 },
  tfs_z: { tfs_z: 0.5 },
  top_a: { top_a: 0.5 },
  top_n_sigma: { top_n_sigma: 1 },
  "dynatemp_*": { dynatemp_range: 0.5 },
  "xtc_*": { xtc_probability: 0.5 },
  "dry_*": { dry_multiplier: 0.5 },
  no_repeat_ngram_size: { no_repeat_ngram_size: 2 },
  use_beam_search: { use_beam_search: true },
  min_tokens: { min_tokens: 1 },
  ignore_eos: { ignore_eos: true },
  stop_token_ids: { stop_token_ids: [1] },
  bad_words: { bad_words: ["a"] },
  allowed_token_ids: { allowed_token_ids: [1] },
  grammar: { grammar: "root" },
};

const rows: Readonly<Record<string, Row>> = {
  chat: {
    path: "/v1/chat/completions",
    body: { model: "tiny-vlm", max_completion_tokens: 2, messages: [user("why")] },
    takes: {
      max_tokens: { max_tokens: 2 },
      max_completion_tokens: {},
      response_format: { response_format: { type: "json_schema", json_schema: { name: "a", schema } } },
      n: { n: 2 },
      logprobs: { logprobs: true },
      top_logprobs: { logprobs: true, top_logprobs: 3 },
      json_schema: { json_schema: schema },
      stream: { stream: true },
      stream_options: { stream: true, stream_options: { include_usage: true } },
      // test/standalone/openai/tools.test.ts has a model that calls; this one does not.
      tools: null,
      tool_choice: null,
      parallel_tool_calls: null,
    },
    ignores: {
      tools: { tools: [tool] },
      reasoning_effort: { reasoning_effort: "low" },
      chat_template_kwargs: { chat_template_kwargs: { enable_thinking: false } },
      verbosity: { verbosity: "low" },
    },
    refuses: {
      audio: { audio: {} },
      web_search_options: { web_search_options: {} },
      "guided_*": { guided_regex: "a" },
      structured_outputs: { structured_outputs: { regex: "a" } },
      chat_template: { chat_template: "a" },
      documents: { documents: ["a"] },
      echo: { echo: true },
      best_of: { best_of: 2 },
    },
  },
  responses: {
    path: "/v1/responses",
    body: { model: "tiny-vlm", max_output_tokens: 2, input: "why" },
    takes: {
      input: {},
      input_text: { input: [user([{ type: "input_text", text: "why" }])] },
      input_image: { input: [user([{ type: "input_image", image_url: url }])] },
      output_text: {
        input: [{ role: "assistant", content: [{ type: "output_text", text: "a" }] }, user("why")],
      },
      instructions: { instructions: "Be brief." },
      store: { store: false },
      "text.format": { text: { format: { type: "json_schema", name: "a", schema } } },
      max_output_tokens: {},
      stream: { stream: true },
      top_logprobs: { top_logprobs: 2 },
      include: { include: ["message.output_text.logprobs"] },
      // test/standalone/openai/image-tool.test.ts draws by it.
      image_generation: null,
      // test/standalone/openai/responses.test.ts goes on by these.
      item_reference: null,
      previous_response_id: null,
      // test/standalone/openai/tools-of-protocols.test.ts has a model that calls.
      tools: null,
      tool_choice: null,
      function_call: null,
      function_call_output: null,
    },
    ignores: {
      tools: { tools: [{ type: "web_search" }] },
      reasoning: { reasoning: { effort: "low" } },
      truncation: { truncation: "auto" },
      "text.verbosity": { text: { verbosity: "low" } },
    },
    refuses: {
      background: { background: true },
      conversation: { conversation: "a" },
      prompt: { prompt: { id: "a" } },
    },
  },
  messages: {
    path: "/v1/messages",
    body: { model: "tiny-vlm", max_tokens: 2, messages: [user("why")] },
    takes: {
      system: { system: "Be brief." },
      messages: {
        messages: [user([{ type: "image", source: { type: "base64", media_type: "image/png", data: base64 } }])],
      },
      max_tokens: {},
      stop_sequences: { stop_sequences: ["x"] },
      "output_config.format": { max_tokens: 60, output_config: { format: { type: "json_schema", schema } } },
      stream: { stream: true },
      tools: null,
      tool_choice: null,
      tool_use: null,
      tool_result: null,
    },
    ignores: {
      tools: { tools: [{ name: "look", input_schema: { type: "object" } }] },
      thinking: { thinking: { type: "enabled", budget_tokens: 1024 } },
    },
    refuses: {},
  },
  "api/chat, api/generate": {
    path: "/api/generate",
    body: { model: "tiny-vlm", prompt: "why", stream: false, options: { num_predict: 2 } },
    takes: {
      images: { images: [base64] },
      system: { system: "Be brief." },
      format: { format: schema },
      stream: { stream: true },
      options: {},
      num_predict: {},
      logprobs: { logprobs: true },
      top_logprobs: { logprobs: true, top_logprobs: 2 },
      tools: null,
    },
    ignores: { think: { think: true }, tools: { tools: [tool] } },
    refuses: {
      raw: { raw: true },
      template: { template: "a" },
      context: { context: [1] },
      suffix: { suffix: "a" },
    },
  },
  embeddings: {
    path: "/v1/embeddings",
    body: { input: url },
    takes: {
      input: { input: [url, url] },
      "{image}": { input: { image: base64 } },
      "{image_url}": { input: { image_url: url } },
      messages: { input: null, messages: [user([{ type: "image_url", image_url: { url } }])] },
      content: { input: null, content: { prompt_string: "", multimodal_data: [base64] } },
      multimodal_data: null,
      encoding_format: { encoding_format: "base64" },
    },
    ignores: {},
    refuses: { dimensions: { dimensions: 3 } },
  },
  "images/generations": {
    path: "/v1/images/generations",
    body: { prompt: "a red triangle" },
    takes: {
      prompt: {},
      n: { n: 2 },
      size: { size: "16x16" },
      auto: { size: "auto" },
      stream: { stream: true },
      partial_images: { stream: true, partial_images: 3 },
      seed: { seed: 1 },
      temperature: { temperature: 0.5 },
      top_k: { top_k: 5 },
      top_p: { top_p: 0.5 },
      guidance_scale: { guidance_scale: 1 },
      best_of: { best_of: 2 },
    },
    ignores: {
      moderation: { moderation: "low" },
      output_compression: { output_compression: 50 },
      quality: { quality: "high" },
    },
    refuses: { style: { style: "vivid" } },
  },
  "images/edits, images/variations": {
    path: "/v1/images/edits",
    body: { prompt: "a red triangle", image: url, mask },
    takes: {
      image: {},
      mask: {},
      "images: [{image_url}]": { image: null, images: [{ image_url: url }] },
      "mask: {image_url}": { mask: { image_url: mask } },
      // Below, and in test/standalone/openai/image-edits.test.ts.
      "multipart/form-data": null,
      keep: null,
    },
    ignores: { input_fidelity: { input_fidelity: "high" } },
    refuses: { file_id: { image: { image_url: url, file_id: "a" } } },
  },
  tokens: {
    path: "/v1/vision/tokens",
    body: { image: url },
    takes: {
      image: { image: [url, url] },
      ids: { ids: true },
      features: { features: true },
      encoding_format: { features: true, encoding_format: "float" },
    },
    ignores: {},
    refuses: {},
  },
  decode: {
    path: "/v1/vision/decode",
    body: { ids: Array(16).fill(1) },
    takes: { ids: { ids: [Array(16).fill(1), Array(16).fill(2)] } },
    ignores: {},
    refuses: {},
  },
};

const page = await readFile(new URL("../../docs/serve.md", import.meta.url), "utf8");
const section = page.slice(page.indexOf("## What each path takes"), page.indexOf("## In your own server"));
const namesIn = (text: string) => [...new Set([...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))];
const table = section
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .slice(2)
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
/** Whether the row's text says that what is unknown is ignored; else it is refused. */
const ignoresUnknown = (cells: readonly string[]) => /every unknown field|the same/.test(cells[2]!);

test("the table has these rows, with these names", () => {
  const found = table.map(([path, ...cells]) => [path, ...cells.map((cell) => namesIn(cell).sort())]);
  const sent = Object.entries(rows).map(([path, { takes, ignores, refuses }]) => [
    path,
    ...[takes, ignores, refuses].map((cases) => Object.keys(cases).sort()),
  ]);
  expect(found).toEqual(sent);
  const [, bullet] = /\*\*Sampling\*\*([\s\S]*?)\n- \*\*/.exec(section)!;
  expect(namesIn(bullet!)).toEqual([...Object.keys(sampling), ...Object.keys(notSampled)]);
});

describe.each(Object.entries(rows))("%s", (name, { path, body, takes, ignores, refuses }) => {
  const cells = table.find(([path]) => path === name)!;
  const send = (fields: object) => post(server.url + path, { ...body, ...fields });
  const warningOf = async (answer: Response) => {
    expect({ status: answer.status, ...(answer.ok ? {} : { body: await answer.text() }) }).toEqual({ status: 200 });
    await answer.arrayBuffer();
    return answer.headers.get("x-vqrae-warning") ?? "";
  };
  const samplings = cells[1]!.includes("sampling") ? sampling : {};
  const inOptions = (fields: object) => (name.startsWith("api/") ? { options: { num_predict: 2, ...fields } } : fields);

  test("takes", async () => {
    const all = [...Object.entries(takes), ...Object.entries(samplings).map(([n, f]) => [n, inOptions(f!)] as const)];
    for (const [name, fields] of all) {
      if (fields !== null) expect([name, await warningOf(await send(fields))]).toEqual([name, ""]);
    }
  });

  test("ignores, with a warning", async () => {
    const all = { ...ignores, ...(ignoresUnknown(cells) && { unknown_field: { unknown_field: 1 } }) };
    for (const [name, fields] of Object.entries(all)) {
      if (fields === null) continue;
      expect([name, await warningOf(await send(fields))]).toEqual([name, expect.stringContaining(name)]);
    }
  });

  test("refuses", async () => {
    const never = ignoresUnknown(cells) ? {} : { unknown_field: { unknown_field: 1 } };
    const ofSampling = Object.entries(notSampled).map(([n, f]) => [n, inOptions(f!)] as const);
    const all = [...Object.entries({ ...refuses, ...never }), ...(samplings === sampling ? ofSampling : [])];
    for (const [name, fields] of all) {
      const answer = await send(fields!);
      const text = await answer.text();
      expect([name, answer.status, text]).toEqual([name, 400, expect.stringContaining(name.replace("*", ""))]);
    }
  });
});

test.each<[string, string, object]>([
  ["chat", "of a model without tools: one that must be called", { tools: [tool], tool_choice: "required" }],
  ["chat", "messages of tools", { messages: [user("why"), { role: "tool", tool_call_id: "a", content: "b" }] }],
  [
    "responses",
    "of a model without tools: one that must be called",
    { tools: [{ type: "web_search" }], tool_choice: "required" },
  ],
  ["responses", "items of tools", { input: [{ type: "function_call", call_id: "a", name: "b", arguments: "{}" }] }],
  ["responses", "files", { input: [user([{ type: "input_file", file_id: "a" }])] }],
  ["messages", "of a model without tools: one that must be called", { tools: [], tool_choice: { type: "any" } }],
  ["messages", "uses and results of tools", { messages: [user([{ type: "tool_result", tool_use_id: "a" }])] }],
  ["messages", "documents", { messages: [user([{ type: "document", source: {} }])] }],
  ["embeddings", "text, tokens", { input: "words" }],
  ["embeddings", "text, tokens", { input: [[1, 2, 3]] }],
  ["images/generations", "other sizes and formats", { size: "1024x1024" }],
  ["images/generations", "other sizes and formats", { output_format: "webp" }],
  ["images/edits, images/variations", "more than one image", { image: null, images: [url, url] }],
  ["images/edits, images/variations", "a mask of another size", { mask: small }],
  ["images/edits, images/variations", "without a transparent pixel", { mask: url }],
])("%s refuses %s", async (name, words, fields) => {
  const { path, body } = rows[name]!;
  expect(table.find(([path]) => path === name)![3]).toContain(words);
  expect((await post(server.url + path, { ...body, ...fields })).status).toBe(400);
});

test("variations take keep", async () => {
  const body = { image: url, keep: 0.25 };
  expect((await post(`${server.url}/v1/images/variations`, body)).status).toBe(200);
  expect((await post(`${server.url}/v1/images/variations`, { ...body, keep: 2 })).status).toBe(400);
});
