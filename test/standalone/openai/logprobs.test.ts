import { HumanMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Listening } from "../../../adapters/openai/index.ts";
import { loadTinyModels, serveTiny, type TinyModels } from "../../helpers/tiny-endpoint.ts";

let models: TinyModels;
let server: Listening & { readonly errors: unknown[] };
let client: OpenAI;
beforeAll(async () => {
  models = await loadTinyModels();
  server = await serveTiny(models);
  client = new OpenAI({ apiKey: "any", baseURL: `${server.url}/v1`, maxRetries: 0 });
}, 180_000);
afterEach(() => expect(server.errors).toEqual([]));
afterAll(async () => {
  await server.close();
  await models[Symbol.asyncDispose]();
});

const asked = { model: "tiny-vlm", max_tokens: 8, messages: [{ role: "user" as const, content: "why" }] };
const likely = { ...asked, logprobs: true, top_logprobs: 3 };
const whole = (tokens: readonly { readonly token: string }[]) => tokens.map(({ token }) => token).join("");
/** Parts of characters have no text of their own. */
const ascii = (text: string) => text.replaceAll(/[^ -~]/g, "");

describe("the openai client", () => {
  it("gets the logprob of each token, and of the likeliest in its place", async () => {
    const [choice] = (await client.chat.completions.create(likely)).choices;
    const tokens = choice!.logprobs!.content!;
    // All but those at the end that are no whole character.
    expect(tokens.length).toBeGreaterThan(3);
    expect(ascii(whole(tokens))).toBe(ascii(choice!.message.content!));
    for (const { token, logprob, top_logprobs: top, bytes } of tokens) {
      // Without a temperature the likeliest token is the answer's.
      expect(top).toHaveLength(3);
      expect(top[0]).toMatchObject({ token, logprob });
      expect(top.map((one) => one.logprob)).toEqual(top.map((one) => one.logprob).sort((a, b) => b - a));
      expect(top.reduce((sum, one) => sum + Math.exp(one.logprob), 0)).toBeLessThanOrEqual(1 + 1e-5);
      if (bytes) expect(Buffer.from(bytes).toString()).toBe(token);
    }
    const plain = await client.chat.completions.create(asked);
    expect(plain.choices[0]!.message).toEqual(choice!.message);
    expect(plain.choices[0]!.logprobs).toBeNull();
    const own = await client.chat.completions.create({ ...asked, logprobs: true });
    // A prompt that is decoded already has the same numbers but for their last digits.
    const logprob = expect.closeTo(tokens[0]!.logprob, 4);
    expect(own.choices[0]!.logprobs!.content![0]).toEqual({ ...tokens[0]!, logprob, top_logprobs: [] });
  });

  it("gets them of the numbers that the model draws by: a bias of a logit is as much of a logprob", async () => {
    const first = async (fields: object) => {
      const body = { ...likely, top_logprobs: 20, max_tokens: 1, ...fields };
      const { choices } = await client.chat.completions.create(body);
      return choices[0]!.logprobs!.content![0]!.top_logprobs;
    };
    // Tokens that are a letter, whose ids are known.
    const [a, b] = (await first({})).filter(({ token }) => /^[!-~]$/.test(token));
    const [id] = models.vlm.model.tokenize(b!.token);
    const biased = await first({ logit_bias: { [Number(id)]: -0.5 } });
    const of = (token: string) => biased.find((one) => one.token === token)!.logprob;
    expect(of(a!.token) - of(b!.token)).toBeCloseTo(a!.logprob - b!.logprob + 0.5, 4);
    // Half the temperature is twice the difference.
    const cold = await first({ temperature: 0.5, top_p: 1, top_k: 0, seed: 1 });
    const [c, d] = [a, b].map((one) => cold.find(({ token }) => token === one!.token));
    expect(c!.logprob - d!.logprob).toBeCloseTo(2 * (a!.logprob - b!.logprob), 4);
  });

  it("gets them piece by piece, as many", async () => {
    const expected = await client.chat.completions.create(likely);
    const final = await client.chat.completions.stream(likely).finalChatCompletion();
    expect(final.choices[0]!.logprobs!.content).toEqual(expected.choices[0]!.logprobs!.content);
  });

  it("gets them of a response, at once and by events", async () => {
    const body = { model: "tiny-vlm", input: "why", max_output_tokens: 8, top_logprobs: 2 };
    const { output } = await client.responses.create({ ...body, include: ["message.output_text.logprobs"] });
    const [item] = output;
    if (item?.type !== "message" || item.content[0]?.type !== "output_text") throw new Error("no text");
    const { text, logprobs } = item.content[0];
    expect(ascii(whole(logprobs!))).toBe(ascii(text));
    expect(logprobs![0]!.top_logprobs).toHaveLength(2);
    const streamed = [];
    for await (const event of await client.responses.create({ ...body, stream: true })) {
      if (event.type === "response.output_text.delta") streamed.push(...event.logprobs);
    }
    expect(streamed).toEqual(logprobs);
    const plain = await client.responses.create({ model: "tiny-vlm", input: "why", max_output_tokens: 2 });
    expect(plain.output[0]).toMatchObject({ content: [{ logprobs: [] }] });
  });
});

it("LangChain gets them", async () => {
  const open = new ChatOpenAI({
    model: "tiny-vlm",
    apiKey: "any",
    maxTokens: 8,
    logprobs: true,
    topLogprobs: 2,
    configuration: { baseURL: `${server.url}/v1` },
  });
  const { generations } = await open.generate([[new HumanMessage("why")]]);
  const { choices } = await client.chat.completions.create({ ...likely, top_logprobs: 2 });
  expect(generations[0]![0]!.generationInfo!.logprobs).toEqual(choices[0]!.logprobs);
});

it("Ollama's client gets them, at once and in pieces", async () => {
  const ollama = new Ollama({ host: server.url });
  const body = { model: "tiny-vlm", messages: asked.messages, options: { num_predict: 8 }, logprobs: true };
  const { logprobs } = await ollama.chat({ ...body, top_logprobs: 2 });
  expect(logprobs!.length).toBeGreaterThan(3);
  expect(logprobs![0]!.top_logprobs).toHaveLength(2);
  const streamed = [];
  for await (const part of await ollama.chat({ ...body, top_logprobs: 2, stream: true })) {
    streamed.push(...(part.logprobs ?? []));
  }
  expect(streamed).toEqual(logprobs);
});

it("a schema's answer has them too, of what the grammar leaves", async () => {
  const schema = {
    type: "object",
    properties: { a: { type: "boolean" } },
    required: ["a"],
    additionalProperties: false,
  };
  const format = { type: "json_schema" as const, json_schema: { name: "a", schema } };
  const { choices } = await client.chat.completions.create({ ...likely, max_tokens: 60, response_format: format });
  const { message, logprobs } = choices[0]!;
  expect(whole(logprobs!.content!).trim()).toBe(message.content!.trim());
});
