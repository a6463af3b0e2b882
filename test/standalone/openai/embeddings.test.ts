import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let base64s: string[];
let urls: string[];
let expected: number[][];
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  const white = { data: new Uint8Array(16 * 16 * 3).fill(255), width: 16, height: 16 };
  const pngs = await Promise.all([picture(40, 30), white].map(encodePng));
  base64s = pngs.map((png) => Buffer.from(png).toString("base64"));
  urls = base64s.map((text) => `data:image/png;base64,${text}`);
  expected = [];
  for (const png of pngs) {
    const [encoded] = await models.vlm.tokenizer.encode([png], { features: true, ids: false });
    const { features } = encoded!;
    const dim = models.vlm.tokenizer.info.featureDim!;
    const mean = Array.from({ length: dim }, (_, d) => {
      let sum = 0;
      for (let at = d; at < features.length; at += dim) sum += features[at]!;
      return sum / (features.length / dim);
    });
    const length = Math.sqrt(mean.reduce((sum, value) => sum + value * value, 0));
    expected.push(mean.map((value) => value / length));
  }
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

/** Equal to float32's rounding of a sum over an image's tokens. */
const close = (given: readonly number[], right: readonly number[]) => {
  expect(given).toHaveLength(right.length);
  for (const [i, value] of given.entries()) expect(Math.abs(value - right[i]!)).toBeLessThan(1e-6);
};
const model = "vqrae-two-layers";
interface Answer {
  readonly data: { readonly embedding: number[]; readonly index: number }[];
  readonly error: { readonly message: string; readonly param: string };
}
const send = async (body: object, path = "/v1/embeddings") => {
  const answer = await post(`${server.url}${path}`, body);
  return { status: answer.status, ...((await answer.json()) as Answer) };
};

it("openai's client gets an image's embedding, as numbers and as base64, which it asks for by itself", async () => {
  const client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  for (const format of [undefined, "float", "base64"] as const) {
    const asked = { model, input: urls, ...(format && { encoding_format: format }) };
    const { data, usage } = await client.embeddings.create(asked);
    expect(data.map(({ index }) => index)).toEqual([0, 1]);
    for (const [i, { embedding }] of data.entries()) {
      const bytes = typeof embedding === "string" ? Buffer.from(embedding, "base64") : null;
      close(bytes ? [...new Float32Array(Uint8Array.from(bytes).buffer)] : embedding, expected[i]!);
    }
    expect(usage.prompt_tokens).toBeGreaterThan(0);
  }
});

it.each<[string, () => object]>([
  ["one URL", () => ({ input: urls[0] })],
  [
    "vLLM's messages",
    () => ({ messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: urls[0] } }] }] }),
  ],
  ["llama-server's", () => ({ content: { prompt_string: "<__media__>", multimodal_data: [base64s[0]] } })],
  [
    "llama-server's in a list",
    () => ({ content: [{ prompt_string: "<__media__>\n", multimodal_data: [base64s[0]] }] }),
  ],
  ["content", () => ({ content: urls[0] })],
  ["{ image }", () => ({ input: [{ image: urls[0] }] })],
  ["{ image } of base64 alone", () => ({ input: [{ image: base64s[0] }] })],
  ["{ image_url }", () => ({ input: [{ type: "image_url", image_url: { url: urls[0] } }], dimensions: 32, user: "x" })],
  ["{ content }", () => ({ input: [{ content: [{ type: "image_url", image_url: { url: urls[0] } }] }] })],
])("takes an image as %s", async (_name, body) => {
  const { data, error } = await send({ model, ...body() });
  expect(error).toBeUndefined();
  close(data[0]!.embedding, expected[0]!);
});

it.each<[string, object, RegExp]>([
  ["a text", { input: "a cat" }, /input but received "a cat"\. This server embeds no text/],
  ["texts", { input: ["a cat", "a dog"] }, /input/],
  ["tokens", { input: [1, 2, 3] }, /embeds no text/],
  ["text beside an image", { content: { prompt_string: "a <__media__>", multimodal_data: ["AAAA"] } }, /no text/],
  ["nothing", {}, /an image for input/],
  ["an empty list", { input: [] }, /an image for input/],
  ["a file", { input: "file:///etc/passwd" }, /data: URL/],
  ["a remote image", { input: "http://127.0.0.1/x.png" }, /--allow-remote/],
  ["what is no image", { input: "data:image/png;base64,AAAA" }, /raster image/],
  ["other dimensions", { input: "data:image/png;base64,AAAA", dimensions: 8 }, /dimensions/],
  ["seventeen images", { input: Array(17).fill("data:image/png;base64,AAAA") }, /16 images/],
  [
    "seventeen images in two fields",
    { input: Array(9).fill("data:image/png;base64,AAAA"), content: Array(9).fill("AAAA") },
    /16 images/,
  ],
])("refuses %s", async (_name, body, message) => {
  const { status, error } = await send({ model, ...body });
  expect(error.message).toMatch(message);
  expect(status).toBe(400);
});
