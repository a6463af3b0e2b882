import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ImageGenerator, loadGenerator } from "../../adapters/generation/index.ts";
import { loadVlm, type Vlm } from "../../adapters/llama-cpp/index.ts";
import { createEndpoint, listen } from "../../adapters/openai/index.ts";
import { VQRAE } from "../../sdk/index.ts";

/** A server's answer to a request depends on the request alone: not on those before it, and not on those beside it. */

const file = (name: string) => new URL(`../../examples/images/${name}`, import.meta.url);
const dataUrl = async (name: string) => `data:image/jpeg;base64,${(await readFile(file(name))).toString("base64")}`;

let vlm: Vlm;
let generator: ImageGenerator;
let tokenizer: VQRAE;
let server: Awaited<ReturnType<typeof listen>>;
const requests: [path: string, body: object][] = [];

beforeAll(async () => {
  const options = { gpu: false, threads: 1 } as const;
  vlm = await loadVlm("default", { ...options, sequences: 3, deterministic: true });
  generator = await loadGenerator("default", options);
  tokenizer = await VQRAE.load("default");
  const models = { languageModels: [vlm], imageModels: [generator], tokenizers: [tokenizer, vlm.tokenizer] };
  server = await listen(await createEndpoint({ ...models, parallel: 3 }), { port: 0 });

  const [cat, coffee] = [await dataUrl("cat.jpg"), await dataUrl("coffee.jpg")];
  const [model, drawn] = [
    { model: vlm.modelId, max_tokens: 12 },
    { n: 1, response_format: "b64_json" },
  ];
  const asks = (url: string, text: string) => [
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url } },
        { type: "text", text },
      ],
    },
  ];
  const talk = [
    ...asks(cat, "what is this?"),
    { role: "assistant", content: "a cat" },
    { role: "user", content: "is it red?" },
  ];
  const yesOrNo = { type: "object", properties: { red: { type: "boolean" } }, required: ["red"] };
  const sampled = { ...model, temperature: 1.3, seed: 5 };
  requests.push(
    ["/v1/chat/completions", { ...sampled, messages: asks(cat, "what is this?") }],
    ["/v1/chat/completions", { ...sampled, messages: asks(coffee, "what is this?") }],
    ["/v1/chat/completions", { ...sampled, messages: asks(cat, "what is this?"), n: 2 }],
    ["/v1/chat/completions", { ...model, temperature: 0, messages: talk, logprobs: true, top_logprobs: 3 }],
    [
      "/v1/chat/completions",
      {
        ...sampled,
        messages: talk,
        response_format: { type: "json_schema", json_schema: { name: "x", schema: yesOrNo } },
      },
    ],
    ["/v1/responses", { model: vlm.modelId, max_output_tokens: 12, input: "what is a dog?", store: false }],
    ["/v1/images/generations", { ...drawn, prompt: "a red circle", seed: 3 }],
    ["/v1/images/generations", { ...drawn, prompt: "a photo of a watch", seed: 9 }],
    ["/v1/vision/tokens", { model: "vqrae-tiny", image: coffee, features: true }],
    ["/v1/embeddings", { model: "deit-tiny", input: [cat, coffee] }],
  );
}, 120_000);
afterAll(async () => {
  await server?.close();
  await tokenizer?.dispose();
  await generator?.dispose();
  await vlm?.dispose();
});

/** Of an answer what says when it was given, and what was still known of the conversation. */
const passing = new Set([
  "id",
  "item_id",
  "created",
  "created_at",
  "completed_at",
  "prompt_tokens_details",
  "input_tokens_details",
]);

async function answerTo([path, body]: (typeof requests)[number]): Promise<string> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  expect([path, response.status, response.ok ? "" : text]).toEqual([path, 200, ""]);
  return JSON.stringify(JSON.parse(text, (key, value) => (passing.has(key) ? undefined : value)));
}

test("each request gets the answer that it gets alone, in any order and any company", async () => {
  const alone: string[] = [];
  for (const request of requests) alone.push(await answerTo(request));
  const order = fc.shuffledSubarray([...requests.keys(), ...requests.keys()], { minLength: 2 * requests.length });
  await fc.assert(
    fc.asyncProperty(order, fc.integer({ min: 2, max: 6 }), async (indices, together) => {
      const waiting = [...indices];
      const client = async () => {
        for (let i = waiting.pop(); i !== undefined; i = waiting.pop())
          expect([i, await answerTo(requests[i]!)]).toEqual([i, alone[i]]);
      };
      await Promise.all(Array.from({ length: together }, client));
    }),
    { numRuns: 3, endOnFailure: true },
  );
}, 600_000);
