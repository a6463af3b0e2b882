import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
}, 180_000);
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

/** The optional fields of a request, by the types of OpenAI's own client. */
function optionalFields(file: string, type: string): string[] {
  const path = join(import.meta.dirname, "../../../node_modules/openai/resources", file);
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const found = source.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === type);
  if (found === undefined || !ts.isInterfaceDeclaration(found)) throw new Error(`${file} has no ${type}`);
  return found.members.flatMap(({ name, questionToken }) =>
    questionToken && name && ts.isIdentifier(name) ? [name.text] : [],
  );
}

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly data: readonly { readonly ids: readonly number[] }[];
  readonly error: { readonly message: string };
}
const jsonOf = async (answer: Response): Promise<Answer> => (await answer.json()) as Answer;

const nulls = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));

it("null of every optional field of OpenAI's chat means that it is not set", async () => {
  const names = optionalFields("chat/completions/completions.d.ts", "ChatCompletionCreateParamsBase");
  expect(names).toEqual(expect.arrayContaining(["reasoning_effort", "audio", "web_search_options", "stop", "tools"]));
  const chat = `${server.url}/v1/chat/completions`;
  const plain = { model: "tiny-vlm", messages: [{ role: "user", content: "why" }], max_tokens: 4 };
  const expected = await jsonOf(await post(chat, plain));
  const answer = await jsonOf(await post(chat, { ...nulls(names), ...plain }));
  expect(answer.choices).toEqual(expected.choices);
});

it("so it does inside messages, parts and options", async () => {
  const png = Buffer.from(await encodePng(picture(20, 20))).toString("base64");
  const image = { url: `data:image/png;base64,${png}`, detail: null };
  const body = {
    model: "tiny-vlm",
    max_tokens: 4,
    stream: true,
    stream_options: { include_usage: null, include_obfuscation: null },
    messages: [
      { role: "system", content: "be short", name: null },
      { role: "user", content: "why", name: null },
      {
        role: "assistant",
        content: "so",
        name: null,
        refusal: null,
        audio: null,
        tool_calls: null,
        function_call: null,
      },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: image },
          { type: "text", text: "and" },
        ],
      },
    ],
  };
  expect((await post(`${server.url}/v1/chat/completions`, body)).status).toBe(200);
});

it("but null inside a JSON schema is a value", async () => {
  const schema = { type: "object", properties: { a: { const: null } }, required: ["a"], additionalProperties: false };
  const json_schema = { name: "x", schema, strict: null, description: null };
  const body = {
    model: "tiny-vlm",
    max_tokens: 80,
    messages: [{ role: "user", content: "why" }],
    response_format: { type: "json_schema", json_schema },
  };
  const answer = await jsonOf(await post(`${server.url}/v1/chat/completions`, body));
  expect(JSON.parse(answer.choices[0]!.message.content)).toEqual({ a: null });
});

it("and in the other requests", async () => {
  const names = optionalFields("images.d.ts", "ImageGenerateParamsBase");
  expect(names).toEqual(expect.arrayContaining(["moderation", "output_compression", "style"]));
  const drawn = await post(`${server.url}/v1/images/generations`, {
    ...nulls(names),
    prompt: "a",
    seed: 1,
    top_k: null,
  });
  expect(drawn.status).toBe(200);
  const image = `data:image/png;base64,${Buffer.from(await encodePng(picture(20, 20))).toString("base64")}`;
  const fields = nulls(["model", "ids", "features", "encoding_format"]);
  const plain = await jsonOf(await post(`${server.url}/v1/vision/tokens`, { image }));
  expect(await jsonOf(await post(`${server.url}/v1/vision/tokens`, { ...fields, image }))).toEqual(plain);
  expect((await post(`${server.url}/v1/vision/decode`, { model: null, ids: plain.data[0]!.ids })).status).toBe(200);
});

it.each([
  ["guidance_scale", 1e308, /guidanceScale.*1e\+308/],
  ["guidance_scale", 1001, /from 0 to 1000/],
  ["temperature", -1, /temperature/],
])("a generator's %s of %d is the client's error", async (name, value, message) => {
  const answer = await post(`${server.url}/v1/images/generations`, { prompt: "a", [name]: value });
  expect(answer.status).toBe(400);
  expect((await jsonOf(answer)).error.message).toMatch(message);
});
