import { deflateSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { pngOfParts } from "../image/png-of-parts.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let chat: string;
let good: string;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models, { limits: { bodyBytes: 2_000_000, parts: 64 } });
  chat = `${server.url}/v1/chat/completions`;
  good = `data:image/png;base64,${Buffer.from(await encodePng(picture(20, 20))).toString("base64")}`;
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const user = (...content: object[]) => ({ model: "tiny-vlm", max_tokens: 4, messages: [{ role: "user", content }] });
const image = (url: unknown) => ({ type: "image_url", image_url: { url } });
const text = { type: "text", text: "why" };
const many = (count: number, part: object) => user(...Array.from({ length: count }, () => part));

/** OpenAI's error object, whose message can be acted on; and the server goes on. */
async function refused(answer: Response, status: number, message: RegExp): Promise<void> {
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  const { error } = (await answer.json()) as { error: Record<string, unknown> };
  expect({ status: answer.status, ...error }).toEqual({
    status,
    message: expect.stringMatching(message),
    type: "invalid_request_error",
    param: error.param === null ? null : expect.any(String),
    code: error.code === null ? null : expect.any(String),
  });
  expect((await post(chat, user(image(good), text))).status).toBe(200);
}

describe("a body is refused", () => {
  it.each<[string, string, RegExp]>([
    ["that is no JSON", "{", /^Expected JSON/],
    ["that is empty", "", /^Expected JSON/],
    ["that is null", "null", /object .*null/],
    ["that is a list", "[]", /object/],
    ["with lists in lists in lists", `{"messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, /Expected/],
    ["that names __proto__", '{"__proto__":{"model":"x"},"messages":[]}', /Expected/],
  ])("%s", async (_name, body, message) => refused(await post(chat, body), 400, message));

  it("that is larger than allowed, announced or not", async () => {
    const body = JSON.stringify(user({ type: "text", text: "x".repeat(2_100_000) }));
    await refused(await post(chat, body), 413, /2000000 bytes/);
    const stream = new Blob([body]).stream();
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: stream, duplex: "half" };
    await refused(await fetch(chat, init as RequestInit), 413, /2000000 bytes/);
  });

  it("of another content type, or without one", async () => {
    const body = JSON.stringify(user(text));
    await refused(await post(chat, body, { "content-type": "text/plain" }), 415, /application\/json.*text\/plain/);
    await refused(await post(chat, body, { "content-type": "application/jsonp" }), 415, /application\/json/);
  });

  it("that is packed, or says so", async () => {
    const body = JSON.stringify(user(text));
    await refused(await post(chat, body, { "content-encoding": "gzip" }), 415, /content encoding.*gzip/);
    expect((await post(chat, body, { "content-encoding": "Identity" })).status).toBe(200);
  });

  it("that is no UTF-8", async () => {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: Uint8Array.of(0x22, 0xff, 0x22),
    };
    await refused(await fetch(chat, init), 400, /^Expected JSON/);
  });
});

describe("an image is refused", () => {
  it.each<[string, unknown, RegExp]>([
    ["that is a number", 7, /messages\[0\].content\[0\].image_url.url.*7/],
    ["that is a path", "/etc/passwd", /data: URL/],
    ["that is a file: URL", "file:///etc/passwd", /data: URL/],
    ["of another media type", "data:text/plain;base64,AAAA", /media type/],
    ["that is elsewhere", "http://example.com/cat.png", /--allow-remote/],
    ["without data", "data:image/png;base64", /comma/],
    ["that is no base64", "data:image/png;base64,!!!!", /base64/],
    ["that is empty", "data:image/png;base64,", /image/],
    ["that is no image", "data:image/png;base64,AAAA", /raster image/],
    ["that is SVG", `data:image/svg+xml;base64,${Buffer.from("<svg/>").toString("base64")}`, /raster image/],
  ])("%s", async (_name, url, message) => refused(await post(chat, user(image(url), text)), 400, message));

  it("that breaks off", async () => {
    const half = good.slice(0, good.length / 2);
    await refused(await post(chat, user(image(half.slice(0, half.length - (half.length % 4))), text)), 400, /Expected/);
  });

  it("that is a bomb: some bytes that say they are a gigapixel", async () => {
    const bomb = pngOfParts(40_000, 30_000, [1, 0, 0, 0, 0], deflateSync(Buffer.alloc(1_000_000)));
    const url = `data:image/png;base64,${Buffer.from(bomb).toString("base64")}`;
    await refused(await post(chat, user(image(url), text)), 400, /at most 1000000 pixels|pixels/);
    await refused(await post(`${server.url}/v1/vision/tokens`, { image: url }), 400, /pixels/);
  });
});

describe("a conversation is refused", () => {
  it.each<[string, object, RegExp]>([
    ["without messages", { model: "tiny-vlm", messages: [] }, /message/],
    ["of thousands of parts", many(3000, text), /at most 64 items/],
    [
      "of thousands of messages",
      { ...user(text), messages: Array(3000).fill({ role: "user", content: "x" }) },
      /64 items/,
    ],
    [
      "of more parts than allowed in all",
      { ...user(text), messages: Array(9).fill(many(8, text).messages[0]) },
      /64 parts.*72/,
    ],
    ["of too many images", many(17, image("data:image/png;base64,AAAA")), /at most 16 images.*17/],
    ["with sound", user({ type: "input_audio" }), /text, image_url, video or video_url/],
    ["with a tool's message", { ...user(text), messages: [{ role: "tool", content: "x" }] }, /role/],
    [
      "with an image in an answer",
      { ...user(text), messages: [{ role: "assistant", content: [image(good)] }] },
      /text/,
    ],
    ["that ends with an answer", { ...user(text), messages: [{ role: "assistant", content: "x" }] }, /the user/],
    ["longer than the context", user({ type: "text", text: "word ".repeat(2000) }), /context/],
    [
      "with a schema that is too large for a grammar",
      {
        ...user(text),
        response_format: {
          type: "json_schema",
          json_schema: { name: "x", schema: { enum: Array.from({ length: 1001 }, (_, i) => i) } },
        },
      },
      /1000 values/,
    ],
    ["with a negative temperature", { ...user(text), temperature: -1 }, /temperature/],
    ["with no stop text", { ...user(text), stop: "" }, /stop/],
    ["with no tokens", { ...user(text), max_tokens: 0 }, /max_tokens/],
  ])("%s", async (_name, body, message) => refused(await post(chat, body), 400, message));

  it("for an unknown model, or another's work", async () => {
    await refused(await post(chat, { ...user(text), model: "gpt-4o" }), 404, /tiny-vlm.*gpt-4o/);
    await refused(await post(chat, { ...user(text), model: "tiny-generator" }), 404, /tiny-vlm/);
    await refused(await post(chat, { ...user(text), model: "m".repeat(1_000_000) }), 404, /tiny-vlm/);
  });

  it("longer than the context by the code that OpenAI gives it", async () => {
    const answer = await post(chat, user({ type: "text", text: "word ".repeat(2000) }));
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: "context_length_exceeded" } }]);
  });

  it("in a stream with a status too, where it fails before the first piece", async () => {
    await refused(await post(chat, { ...user(image("data:image/png;base64,AAAA"), text), stream: true }), 400, /image/);
  });
});

describe("a path is refused", () => {
  it.each<[string, string, string, number]>([
    ["that is not there", "GET", "/v2/nothing", 404],
    ["by another method", "GET", "/v1/chat/completions", 405],
    ["by another method for what is read", "POST", "/v1/models", 405],
    ["that climbs out of the page's folder", "GET", "/..%2f..%2fpackage.json", 404],
  ])("%s", async (_name, method, path, status) => {
    await refused(await fetch(`${server.url}${path}`, { method }), status, /^Expected/);
  });
});
