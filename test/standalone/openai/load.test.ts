import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../../../sdk/index.ts";
import { loadTinyModels, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";
import { picture } from "../runtime/fixtures/tiny.ts";

const REQUESTS = 200;
const IMAGES = 5;
/** Growth of the heap over two waves of requests after the first one, in MiB. */
const FLAT = 16;

let models: TinyModels;
let images: Uint8Array[];
let expected: string[];
beforeAll(async () => {
  models = await loadTinyModels(4);
  images = await Promise.all(Array.from({ length: IMAGES }, (_, i) => encodePng(picture(30, 20, i * 7))));
  expected = [];
  for (const image of images) {
    expected.push((await models.vlm.chat([{ role: "user", content: [{ image }, "why"] }], { maxTokens: 4 })).text);
  }
}, 180_000);
afterAll(() => models[Symbol.asyncDispose]());

const messages = (i: number): ChatCompletionMessageParam[] => {
  const url = `data:image/png;base64,${Buffer.from(images[i % IMAGES]!).toString("base64")}`;
  return [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url } },
        { type: "text", text: "why" },
      ],
    },
  ];
};

async function ask(client: OpenAI, i: number): Promise<string> {
  const body = { model: "tiny-vlm", max_tokens: 4, messages: messages(i) };
  if (i % 2 === 0) return (await client.chat.completions.create(body)).choices[0]!.message.content!;
  let text = "";
  for await (const { choices } of await client.chat.completions.create({ ...body, stream: true })) {
    text += choices[0]?.delta.content ?? "";
  }
  return text;
}

const wave = (client: OpenAI) => Promise.all(Array.from({ length: REQUESTS }, (_, i) => ask(client, i)));
const all = () => Array.from({ length: REQUESTS }, (_, i) => expected[i % IMAGES]);

/** What is reachable, in MiB. */
function heap(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

describe(`${REQUESTS} requests at once`, { timeout: 600_000 }, () => {
  it("get each its own answer where all may wait, in memory that stays", async () => {
    const server = await serveTiny(models, { parallel: 4, limits: { waiting: REQUESTS, requestMs: 600_000 } });
    const client = new OpenAI({ apiKey: "x", baseURL: `${server.url}/v1`, maxRetries: 0, timeout: 600_000 });
    expect(await wave(client)).toEqual(all());
    const before = heap();
    for (let i = 0; i < 2; i++) expect(await wave(client)).toEqual(all());
    expect(heap() - before).toBeLessThan(FLAT);
    await server.close();
    expect(server.errors).toEqual([]);
  });

  it("get it where most are sent away at first: the client comes again when it was told to", async () => {
    const server = await serveTiny(models, { parallel: 4, limits: { waiting: 30, requestMs: 600_000 } });
    const client = new OpenAI({ apiKey: "x", baseURL: `${server.url}/v1`, maxRetries: 100, timeout: 600_000 });
    expect(await wave(client)).toEqual(all());
    await server.close();
    expect(server.errors).toEqual([]);
  });
});
