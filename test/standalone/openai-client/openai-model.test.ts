import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openAiModel } from "../../../adapters/openai-client/index.ts";
import type { VisionLanguageModel } from "../../../adapters/vision-language-model.ts";
import { encodePng, readImage } from "../../../sdk/index.ts";
import { failure } from "../checkpoint/temporary.ts";
import { completion, delta, endpoint, events, json } from "./server.ts";

const ask = [{ role: "user", content: "hello" }] as const;
const quick = { model: "m", retryDelayMs: 1 };
const jpeg = join(import.meta.dirname, "../../golden/image/photo.jpg");

describe("what is sent", () => {
  it("messages, images as data: URLs, options by the protocol's names", async () => {
    const { baseUrl, received } = await endpoint(completion("a cat"));
    const model = openAiModel({ baseUrl, model: "llava", apiKey: "secret", headers: { "x-team": "7" } });
    const raw = { data: Uint8Array.of(1, 2, 3), width: 1, height: 1 };
    const png = await encodePng(raw);
    const answer = await model.chat(
      [
        { role: "system", content: "be short" },
        { role: "user", content: [{ image: jpeg }, "what", { image: png }, { image: raw }] },
      ],
      { maxTokens: 16, topP: 0.5, seed: 3, stop: ["END"], jsonSchema: { type: "object" } },
    );
    expect(answer).toEqual({ text: "a cat", finishReason: "stop", promptTokens: 7, answerTokens: 2 });
    const [{ headers, body }] = received as [(typeof received)[0]];
    expect([headers.authorization, headers["x-team"]]).toEqual(["Bearer secret", "7"]);
    expect(body).toMatchObject({ model: "llava", max_tokens: 16, temperature: 0, top_p: 0.5, seed: 3, stop: ["END"] });
    expect(body.response_format).toMatchObject({ type: "json_schema", json_schema: { schema: { type: "object" } } });
    expect(body.messages[0]).toEqual({ role: "system", content: "be short" });
    const parts = body.messages[1]!.content as { type: string; text?: string; image_url?: { url: string } }[];
    expect(parts.map(({ type }) => type)).toEqual(["image_url", "text", "image_url", "image_url"]);
    const urls = parts.flatMap(({ image_url }) => (image_url ? [image_url.url] : []));
    expect(urls.map((url) => url.slice(0, 15))).toEqual(["data:image/jpeg", "data:image/png;", "data:image/png;"]);
    expect((await readImage(urls[2]!)).data).toEqual(raw.data);
  });

  it("top-k is refused, and so are a URL and a name that are none", async () => {
    const { baseUrl, received } = await endpoint(completion("a"));
    const model = openAiModel({ baseUrl, ...quick });
    expect((await failure(model.chat(ask, { topK: 5 }))).code).toBe("UNSUPPORTED");
    expect(received).toEqual([]);
    expect(() => openAiModel({ baseUrl: "ftp://x", model: "m" })).toThrow(/http or https/);
    expect(() => openAiModel({ baseUrl, model: "" })).toThrow(/a name/);
  });

  it("to the base URL's path, with its query, as Azure's deployments have it", async () => {
    const { baseUrl, received } = await endpoint(completion("a"), json({ error: { message: "gone" } }, 404));
    for (const path of [
      "/deployments/d?api-version=2024-06-01&key=k",
      "/deployments/d/?api-version=2024-06-01&key=k",
    ]) {
      const model = openAiModel({ baseUrl: `${baseUrl}${path}`, ...quick });
      const failed = received.length > 0 ? await failure(model.chat(ask)) : await model.chat(ask).then(() => undefined);
      expect(received.at(-1)!.url).toBe("/v1/deployments/d/chat/completions?api-version=2024-06-01&key=k");
      // A query may hold a key.
      expect(failed?.message ?? "").not.toMatch(/key=k/);
    }
    for (const address of [`${baseUrl}#part`, baseUrl.replace("//", "//user:secret@")]) {
      expect(() => openAiModel({ baseUrl: address, model: "m" })).toThrow(/without a password or a fragment/);
    }
  });

  it("the newer name of the limit, where it is asked for", async () => {
    const { baseUrl, received } = await endpoint(completion("a"));
    await openAiModel({ baseUrl, model: "m", maxTokensField: "max_completion_tokens" }).chat(ask, { maxTokens: 5 });
    expect(received[0]!.body).toMatchObject({ max_completion_tokens: 5 });
    expect(received[0]!.body).not.toHaveProperty("max_tokens");
  });
});

describe("streams", () => {
  it("give pieces and then the whole answer with its counts", async () => {
    const usage = { choices: [], usage: { prompt_tokens: 9, completion_tokens: 3 } };
    const { baseUrl, received } = await endpoint(
      events(delta("a "), delta("cat"), delta("", "length"), usage, "[DONE]"),
    );
    const stream = openAiModel({ baseUrl, ...quick }).streamChat(ask);
    const pieces: string[] = [];
    let step = await stream.next();
    for (; !step.done; step = await stream.next()) pieces.push(step.value.text);
    expect(pieces).toEqual(["a ", "cat"]);
    expect(step.value).toEqual({ text: "a cat", finishReason: "length", promptTokens: 9, answerTokens: 3 });
    expect(received[0]!.body).toMatchObject({ stream: true });
  });

  it("that break off, or carry an error, are errors", async () => {
    const whole = async (...all: (object | string)[]) => {
      const { baseUrl } = await endpoint(events(...all));
      const run = async () => {
        for await (const _ of openAiModel({ baseUrl, ...quick }).streamChat(ask));
      };
      return failure(run());
    };
    expect((await whole(delta("a"))).message).toMatch(/an answer that ends/);
    expect((await whole(delta("a"), { error: { message: "out of memory" } })).message).toMatch(/out of memory/);
    expect((await whole("{")).message).toMatch(/a JSON object/);
  });

  it("end when the loop is left", async () => {
    let closed: Promise<unknown> | undefined;
    const { baseUrl } = await endpoint((response) => {
      closed = new Promise((done) => response.on("close", done));
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: ${JSON.stringify(delta("a"))}\n\n`);
    });
    for await (const { text } of openAiModel({ baseUrl, ...quick }).streamChat(ask)) {
      expect(text).toBe("a");
      break;
    }
    await closed;
  });
});

describe("what goes wrong", () => {
  it("429 and 5xx are tried again, as late as the server says", async () => {
    const busy = json({ error: { message: "slow down" } }, 429, { "retry-after": "0" });
    const { baseUrl, received } = await endpoint(busy, json({}, 503), completion("a"));
    expect((await openAiModel({ baseUrl, ...quick }).chat(ask)).text).toBe("a");
    expect(received.length).toBe(3);
  });

  it("but not for ever, and not after 400 or 401", async () => {
    const broken = await endpoint(json({ error: { message: "on fire" } }, 500));
    const failed = await failure(openAiModel({ baseUrl: broken.baseUrl, ...quick, retries: 2 }).chat(ask));
    expect(failed).toMatchObject({ code: "SERVER_ERROR", message: expect.stringMatching(/500: on fire/) });
    expect(broken.received.length).toBe(3);
    const locked = await endpoint(json({ error: { message: "no key" } }, 401));
    expect((await failure(openAiModel({ baseUrl: locked.baseUrl, ...quick }).chat(ask))).message).toMatch(/apiKey/);
    expect(locked.received.length).toBe(1);
  });

  it.each([
    ["an answer", 200, (model: VisionLanguageModel) => model.chat(ask)],
    ["an error", 400, (model: VisionLanguageModel) => model.chat(ask)],
    ["a line of a stream", 200, (model: VisionLanguageModel) => model.streamChat(ask).next()],
  ])("%s without end is given up, and nothing waits for it", async (_, status, run) => {
    let cancelled = 0;
    const piece = new Uint8Array(2 ** 20).fill(0x61);
    const body = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(piece),
        cancel: () => {
          cancelled += 1;
        },
      });
    const fetch = async () => new Response(body(), { status });
    const model = openAiModel({ baseUrl: "http://localhost/v1", ...quick, retries: 0, fetch });
    const { code, message } = await failure(run(model));
    expect([code, message]).toEqual([expect.stringMatching(/^SERVER_/), expect.stringMatching(/shorter|without end/)]);
    expect(cancelled).toBe(1);
  });

  it.each([
    ["OpenAI's code", { code: "context_length_exceeded" }],
    ["llama-server's type", { type: "exceed_context_size_error" }],
  ])("a conversation that is too long is told apart by %s, in an answer and in a stream", async (_, kind) => {
    const error = { message: "too many tokens", ...kind };
    const answer = await endpoint(json({ error }, 400));
    const expected = { code: "CONTEXT_OVERFLOW", message: expect.stringMatching(/400: too many tokens/) };
    expect(await failure(openAiModel({ baseUrl: answer.baseUrl, ...quick }).chat(ask))).toMatchObject(expected);
    expect(answer.received.length).toBe(1);
    const stream = await endpoint(events(delta("a"), { error }));
    const run = async () => {
      for await (const _ of openAiModel({ baseUrl: stream.baseUrl, ...quick }).streamChat(ask));
    };
    expect(await failure(run())).toMatchObject({ code: "CONTEXT_OVERFLOW" });
  });

  it("a server that says nothing is left after a time", async () => {
    const { baseUrl, received } = await endpoint(() => {});
    const error = await failure(openAiModel({ baseUrl, ...quick, timeoutMs: 60, retries: 1 }).chat(ask));
    expect(error).toMatchObject({ code: "SERVER_UNREACHABLE", message: expect.stringMatching(/nothing for 60 ms/) });
    expect(received.length).toBe(2);
  });

  it("no server, an abort, answers that are none", async () => {
    const nobody = openAiModel({ baseUrl: "http://127.0.0.1:9/v1", ...quick, retries: 0 });
    expect((await failure(nobody.chat(ask))).code).toBe("SERVER_UNREACHABLE");
    const hanging = await endpoint(() => {});
    const controller = new AbortController();
    const { signal } = controller;
    const answer = openAiModel({ baseUrl: hanging.baseUrl, ...quick }).chat(ask, { signal });
    controller.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
    for (const [value, message] of [
      [{}, /choices\[0\]/],
      [{ choices: [{ message: { content: 5 }, finish_reason: "stop" }] }, /choices\[0\]/],
      [{ choices: [{ message: { content: "a" }, finish_reason: "content_filter" }] }, /content_filter/],
      [{ error: { message: "bad image" } }, /bad image/],
      [{ error: "model is loading" }, /received model is loading/],
      [{ error: { reason: "quota" } }, /quota/],
      [{ object: "error", message: "no such adapter" }, /received no such adapter/],
      [{ detail: "wrong path" }, /choices\[0\].*wrong path/],
    ] as const) {
      const { baseUrl } = await endpoint(json(value));
      expect((await failure(openAiModel({ baseUrl, ...quick }).chat(ask))).message).toMatch(message);
    }
  });
});
