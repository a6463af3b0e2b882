import OpenAI from "openai";
import type { ImageGenerateParamsNonStreaming } from "openai/resources";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { encodePng, readImage } from "../../../sdk/index.ts";
import { loadTinyModels, post, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

let models: TinyModels;
let server: Listening;
let client: OpenAI;
let png: Uint8Array;
let url: string;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
  png = await encodePng(picture(40, 30));
  url = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}, 180_000);
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const pixels = async (base64: string) => readImage(Buffer.from(base64, "base64"));

describe("POST /v1/images/generations", () => {
  it("gives the generator's images, as many as asked for, each as its seed draws it alone", async () => {
    const alone = await Promise.all([5, 6, 7].map((seed) => models.generator.generateImages("a cat", { seed })));
    const expected = alone.flat();
    const body = {
      model: "tiny-generator",
      prompt: "a cat",
      n: 3,
      size: "16x16",
      seed: 5,
      response_format: "b64_json",
    };
    const { data } = await client.images.generate(body as unknown as ImageGenerateParamsNonStreaming);
    expect(data).toHaveLength(3);
    for (const [i, { b64_json: base64 }] of data!.entries()) {
      expect(await pixels(base64!)).toEqual({ ...expected[i]!.image, data: new Uint8Array(expected[i]!.image.data) });
    }
    expect(data!.map((one) => (one as { seed?: number }).seed)).toEqual([5, 6, 7]);
  });

  it("takes how to sample, and needs no model's name", async () => {
    const sampling = { guidance_scale: 3, temperature: 0.5, top_k: 10, top_p: 0.9, seed: 2 };
    const options = { guidanceScale: 3, temperature: 0.5, topK: 10, topP: 0.9, seed: 2 };
    const [expected] = await models.generator.generateImages("a dog", options);
    const answer = await post(`${server.url}/v1/images/generations`, { prompt: "a dog", size: "auto", ...sampling });
    const { data } = (await answer.json()) as { data: { b64_json: string }[] };
    expect((await pixels(data[0]!.b64_json)).data).toEqual(new Uint8Array(expected!.image.data));
  });

  it("keeps the likeliest of several drawings", async () => {
    const [expected] = await models.generator.generateImages("a dog", { seed: 4, bestOf: 3 });
    const answer = await post(`${server.url}/v1/images/generations`, { prompt: "a dog", seed: 4, best_of: 3 });
    const { data } = (await answer.json()) as { data: { b64_json: string; seed: number }[] };
    expect(data).toMatchObject([{ seed: expected!.seed }]);
    expect((await pixels(data[0]!.b64_json)).data).toEqual(new Uint8Array(expected!.image.data));
  });

  it.each(["low", "medium", "high", "hd"])("draws the quality %s as any, and says so", async (quality) => {
    const answer = await post(`${server.url}/v1/images/generations`, { prompt: "a cat", seed: 1, quality });
    expect([answer.status, answer.headers.get("x-vqrae-warning")]).toEqual([
      200,
      "quality has no effect here; best_of keeps the likeliest of several drawings.",
    ]);
  });

  it("streams previews and images by OpenAI's events", async () => {
    const [expected] = await models.generator.generateImages("a cat", { seed: 5 });
    const body = { model: "tiny-generator", prompt: "a cat", stream: true, partial_images: 3, seed: 5 } as const;
    const events = [];
    for await (const event of await client.images.generate(body)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      "image_generation.partial_image",
      "image_generation.partial_image",
      "image_generation.partial_image",
      "image_generation.completed",
    ]);
    expect(events.slice(0, 3)).toMatchObject([0, 1, 2].map((partial_image_index) => ({ partial_image_index })));
    const [before, last] = events.slice(-2);
    expect((await pixels(last!.b64_json)).data).toEqual(new Uint8Array(expected!.image.data));
    expect(before!.b64_json).not.toBe(last!.b64_json);
    const indexes = [];
    for await (const event of await client.images.generate({ ...body, n: 2, partial_images: 1 })) {
      indexes.push([event.type.split(".")[1], (event as { index?: number }).index]);
    }
    expect(indexes).toEqual([
      ["partial_image", 0],
      ["partial_image", 1],
      ["completed", 0],
      ["completed", 1],
    ]);
    const plain = [];
    for await (const event of await client.images.generate({ ...body, partial_images: 0 })) plain.push(event.type);
    expect(plain).toEqual(["image_generation.completed"]);
  });

  it("warns of what it does not know", async () => {
    const fields = { moderation: "low", output_compression: 80 };
    const answer = await post(`${server.url}/v1/images/generations`, { prompt: "a cat", seed: 1, ...fields });
    expect([answer.status, answer.headers.get("x-vqrae-warning")]).toEqual([
      200,
      "moderation has no effect here. output_compression has no effect here.",
    ]);
  });

  it.each<[string, object, string]>([
    ["another size", { size: "1024x1024" }, "size"],
    ["a URL", { response_format: "url" }, "response_format"],
    ["too many", { n: 11 }, "n"],
    ["none", { n: 0 }, "n"],
    ["a number as text", { n: "2" }, "n"],
    ["no prompt", { prompt: "" }, "prompt"],
    ["more previews than OpenAI makes", { stream: true, partial_images: 4 }, "partial_images"],
    ["a quality that OpenAI does not have", { quality: "best" }, "quality"],
    ["more drawings than images", { n: 6, best_of: 2 }, "best_of"],
    ["no drawing", { best_of: 0 }, "best_of"],
    ["another model", { model: "dall-e-3" }, "model"],
    ["a style", { style: "vivid" }, "style"],
    ["a temperature below 0", { temperature: -1 }, "temperature"],
  ])("refuses %s", async (_name, fields, param) => {
    const answer = await post(`${server.url}/v1/images/generations`, { prompt: "a cat", ...fields });
    expect(answer.status).toBe(param === "model" ? 404 : 400);
    expect(await answer.json()).toMatchObject({ error: { type: "invalid_request_error", param } });
  });
});

interface TokensAnswer {
  readonly model: string;
  readonly feature_dim: number;
  readonly codebook_size: number;
  readonly data: { grid: { rows: number; columns: number }; ids?: number[]; features?: string | number[] }[];
}

describe("POST /v1/vision/tokens and /v1/vision/decode", () => {
  const tokens = async (body: object) => {
    const answer = await post(`${server.url}/v1/vision/tokens`, body);
    expect(answer.status).toBe(200);
    return (await answer.json()) as TokensAnswer;
  };

  it("gives ids and, where asked for, features", async () => {
    const expected = await models.vlm.tokenizer.encode(png);
    const answer = await tokens({ image: url });
    expect(answer).toMatchObject({ model: "vqrae-two-layers", feature_dim: 32, codebook_size: 64, codes_per_token: 1 });
    expect(answer.data).toEqual([
      { object: "vision.tokens", index: 0, grid: { rows: 4, columns: 4 }, ids: [...expected.ids!] },
    ]);
    const both = await tokens({ image: [url, url], features: true, ids: false, model: "vqrae-two-layers" });
    expect(both.data).toHaveLength(2);
    const bytes = Buffer.from(both.data[1]!.features as string, "base64");
    const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    expect(floats).toEqual(expected.features);
    expect(both.data[1]!.ids).toBeUndefined();
    const numbers = await tokens({ image: url, features: true, encoding_format: "float" });
    expect(Float32Array.from(numbers.data[0]!.features as number[])).toEqual(expected.features);
  });

  it("turns ids back into pixels, of one image or several", async () => {
    const { ids } = await models.vlm.tokenizer.encode(png);
    const expected = await models.vlm.tokenizer.decode(ids!);
    for (const given of [[...ids!], [[...ids!], [...ids!]]]) {
      const answer = await post(`${server.url}/v1/vision/decode`, { ids: given });
      const { data } = (await answer.json()) as { data: { b64_json: string }[] };
      expect(data).toHaveLength(Array.isArray(given[0]) ? 2 : 1);
      expect((await pixels(data[0]!.b64_json)).data).toEqual(new Uint8Array(expected.data));
    }
  });

  it.each<[string, string, object]>([
    ["no image", "tokens", {}],
    ["a file's name", "tokens", { image: "/etc/passwd" }],
    ["a file: URL", "tokens", { image: "file:///etc/passwd" }],
    ["seventeen images", "tokens", { image: Array(17).fill("data:image/png;base64,AAAA") }],
    ["what is no image", "tokens", { image: "data:image/png;base64,AAAA" }],
    ["an id outside the codebook", "decode", { ids: Array(16).fill(64) }],
    ["a negative id", "decode", { ids: Array(16).fill(-1) }],
    ["too few ids", "decode", { ids: [1, 2, 3] }],
    ["no ids", "decode", { ids: [] }],
    ["ids that are no whole numbers", "decode", { ids: Array(16).fill(0.5) }],
    ["a hundred thousand ids", "decode", { ids: Array(100_000).fill(1) }],
    ["ids in lists in lists", "decode", { ids: [[[1]]] }],
  ])("refuse %s", async (_name, route, body) => {
    const answer = await post(`${server.url}/v1/vision/${route}`, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { type: "invalid_request_error", message: expect.stringMatching(/Expected .* but received /) },
    });
  });
});
