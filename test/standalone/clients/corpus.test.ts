import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";
import { clientRequests } from "./corpus.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let png: Uint8Array;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  png = await encodePng(picture(40, 30));
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

/** What the protocols' objects have words in. */
interface Said {
  readonly type?: string;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly message?: { readonly content: string };
  }[];
  readonly message?: { readonly content: string | readonly unknown[] };
  readonly delta?: string | { readonly text?: string };
  readonly response?: string | object;
}

/** The objects of an answer, whatever its protocol streams. */
function objectsIn(text: string): Said[] {
  const lines = text.split("\n").map((line) => line.replace(/^data: /, ""));
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

function saidIn({ choices, message, delta, response }: Said): string {
  const [choice] = choices ?? [];
  const texts = [
    choice?.delta?.content,
    choice?.message?.content,
    message?.content,
    typeof delta === "object" ? delta.text : delta,
    response,
  ];
  return texts.map((text) => (typeof text === "string" ? text : "")).join("");
}

const names = clientRequests({ png: new Uint8Array(), base64: "", url: "" }).map(({ client, what }) => [client, what]);

it.each(names.map(([client, what], i) => [client, what, i] as const))("%s: %s", async (_client, _what, i) => {
  const base64 = Buffer.from(png).toString("base64");
  const { path, headers, body, messages, options, warns } = clientRequests({
    png,
    base64,
    url: `data:image/png;base64,${base64}`,
  })[i]!;
  const expected = await models.vlm.chat(messages, options ?? { maxTokens: 8 });
  const answer = await post(`${server.url}${path}`, body, { ...headers });
  const text = await answer.text();
  expect([answer.status, answer.status === 200 ? "" : text]).toEqual([200, ""]);
  expect(objectsIn(text).map(saidIn).join("")).toBe(expected.text);
  const warning = answer.headers.get("x-vqrae-warning");
  if (warns === null) expect(warning).toBeNull();
  else expect(warning).toMatch(warns);
});
