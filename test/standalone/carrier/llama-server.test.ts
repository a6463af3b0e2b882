import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { type ConnectOptions, LlamaServer } from "../../../adapters/llama-cpp/carrier/index.ts";
import { readImage } from "../../../sdk/index.ts";
import { failure } from "../checkpoint/temporary.ts";

type Answer = (body: Record<string, unknown>, response: ServerResponse, request: IncomingMessage) => void;

const json =
  (status: number, value: unknown): Answer =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
const refusal = (code: number, message: string, type: string) => json(code, { error: { code, message, type } });

const props = {
  default_generation_settings: { n_ctx: 4096 },
  model_alias: "tiny",
  modalities: { vision: true, audio: false },
  media_marker: "<__media_x__>",
};
const models = { data: [{ meta: { n_embd: 4 } }] };

/** How many embeddings of 4 numbers a packed image holds. */
async function embeddingsIn(image: string): Promise<number> {
  const { width, height } = await readImage(Buffer.from(image, "base64"));
  return (width / 2) * (height / 2);
}

/** A server that answers as a llama-server with a carrier, but for `routes`; `requests` are what it was sent. */
async function serve(routes: Record<string, Answer> = {}) {
  const requests: { path: string; body: Record<string, unknown>; authorization: string | undefined }[] = [];
  const known: Record<string, Answer> = {
    "/props": json(200, props),
    "/v1/models": json(200, models),
    "/apply-template": json(200, { prompt: "" }),
    ...routes,
  };
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {};
    const path = request.url!;
    requests.push({ path, body, authorization: request.headers.authorization });
    if (path === "/completion" && body.n_predict === 0 && !routes.probe) {
      const tokens = await embeddingsIn(body.prompt.multimodal_data[0]);
      json(200, { tokens_evaluated: tokens + 1 })(body, response, request);
      return;
    }
    const answer = known[path] ?? refusal(404, "File Not Found", "not_found_error");
    answer(body, response, request);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connect = (options?: ConnectOptions) => LlamaServer.connect(url, options);
  return { url, requests, connect };
}

const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const end = event({ content: "", stop: true, stop_type: "eos", tokens_evaluated: 9, timings: { cache_n: 4 } });
const image = {
  segments: [
    { type: "text", text: "<|vision_start|>" },
    {
      type: "embeddings",
      data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      grid: { rows: 2, columns: 1 },
      attention: "causal",
    },
    { type: "text", text: "<|vision_end|>" },
  ],
  embeddingDim: 4,
  tokens: 2,
} as const;

test("what is sent and what comes back", async () => {
  const { requests, connect } = await serve({
    "/completion": (_, response) => response.end(event({ content: "a", tokens: [5] }) + end),
  });
  const server = await connect({ apiKey: "secret" });
  expect(server.info).toEqual({ model: "tiny", embeddingDim: 4, contextSize: 4096, mediaMarker: "<__media_x__>" });
  const options = { maxTokens: 3, temperature: 0, topK: 1, seed: 7, stop: ["x"], slot: 0, extra: { ignore_eos: true } };
  expect(await server.complete(["Look: ", image, " what?"], options)).toEqual({
    text: "a",
    tokens: [5],
    stopReason: "eos",
    promptTokens: 9,
    cachedTokens: 4,
  });
  const { path, body, authorization } = requests.at(-1)!;
  expect([path, authorization]).toEqual(["/completion", "Bearer secret"]);
  expect(body).toEqual({
    prompt: {
      prompt_string: "Look: <|vision_start|><__media_x__><|vision_end|> what?",
      multimodal_data: [expect.any(String)],
    },
    n_predict: 3,
    temperature: 0,
    top_k: 1,
    seed: 7,
    stop: ["x"],
    id_slot: 0,
    ignore_eos: true,
    cache_prompt: true,
    stream: true,
    return_tokens: true,
  });
  await server.complete("text alone", { cachePrompt: false });
  expect(requests.at(-1)!.body).toMatchObject({ prompt: "text alone", cache_prompt: false });
});

test("a conversation goes through the server's chat template, with the images in its order", async () => {
  const { requests, connect } = await serve({
    "/apply-template": ({ messages }, response, request) => {
      const text = (messages as { role: string; content: string }[]).map(({ role, content }) => `${role}:${content};`);
      json(200, { prompt: text.join("") })({}, response, request);
    },
    "/completion": (_, response) => response.end(end),
  });
  const server = await connect();
  const three = { ...image.segments[1], data: new Float32Array(12), grid: { rows: 1, columns: 3 } };
  const larger = { segments: [three], embeddingDim: 4, tokens: 3 };
  await server.chat([
    { role: "system", content: "be brief" },
    { role: "user", content: [larger, "and ", image, "what?"] },
  ]);
  const { prompt } = requests.at(-1)!.body as { prompt: { prompt_string: string; multimodal_data: string[] } };
  const mark = "<__media_x__>";
  expect(prompt.prompt_string).toBe(`system:be brief;user:${mark}and <|vision_start|>${mark}<|vision_end|>what?;`);
  expect(await Promise.all(prompt.multimodal_data.map(embeddingsIn))).toEqual([3, 2]);
});

test("a chat template that loses an image is an error", async () => {
  const { connect } = await serve({ "/apply-template": json(200, { prompt: "user: what?" }) });
  const error = await failure((await connect()).chat([{ role: "user", content: [image] }]));
  expect(error).toEqual({ code: "SERVER_ERROR", message: expect.stringMatching(/1 images .* a prompt with 0/) });
});

test("events cut anywhere, also inside a character", async () => {
  const { connect } = await serve({
    "/completion": async (_, response) => {
      const bytes = Buffer.from(event({ content: "ü🟩" }) + event({ content: "é" }) + end);
      for (const byte of bytes) {
        response.write(Uint8Array.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    },
  });
  const pieces: string[] = [];
  for await (const { text } of (await connect()).stream("x")) pieces.push(text);
  expect(pieces).toEqual(["ü🟩", "é"]);
});

test.each(["a signal", "leaving the loop"])("%s closes the connection", async (how) => {
  let closed = () => {};
  const whenClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { connect } = await serve({
    "/completion": (_, response) => {
      response.on("close", closed);
      response.write(event({ content: "a" })); // and never more
    },
  });
  const server = await connect();
  const controller = new AbortController();
  const reading = (async () => {
    for await (const _ of server.stream("x", { signal: controller.signal })) {
      if (how === "leaving the loop") break;
      controller.abort(new Error("enough"));
    }
  })();
  if (how === "a signal") await expect(reading).rejects.toThrow("enough");
  else await reading;
  await whenClosed;
});

test("an aborted signal rejects before anything is sent", async () => {
  const { requests, connect } = await serve();
  const server = await connect();
  const count = requests.length;
  await expect(server.complete("x", { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  expect(requests).toHaveLength(count);
  await expect(connect({ signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
});

test("nobody there is SERVER_UNREACHABLE, and no URL is INVALID_ARGUMENT", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  const error = await failure(LlamaServer.connect(`http://127.0.0.1:${port}`));
  expect(error).toEqual({
    code: "SERVER_UNREACHABLE",
    message: expect.stringMatching(
      /a llama-server for http:\/\/127.0.0.1:\d+\/ .*ECONNREFUSED.*llama-server -m model.gguf --mmproj/,
    ),
  });
  for (const url of ["127.0.0.1:8080", "ftp://x", ""]) {
    expect(await failure(LlamaServer.connect(url))).toMatchObject({ code: "INVALID_ARGUMENT" });
  }
});

const refused: [name: string, code: string, message: RegExp, routes: Record<string, Answer>][] = [
  [
    "a model that is loading",
    "SERVER_ERROR",
    /503: Loading model. The model is still loading/,
    { "/props": refusal(503, "Loading model", "unavailable_error") },
  ],
  [
    "a wrong key",
    "SERVER_ERROR",
    /401: Invalid API Key. Pass the key .* `apiKey`/,
    { "/props": refusal(401, "Invalid API Key", "authentication_error") },
  ],
  [
    "another kind of server",
    "SERVER_ERROR",
    /a JSON object .* "<html>".*a llama-server/,
    { "/props": (_, response) => response.end("<html>") },
  ],
  [
    "a server with nothing there",
    "SERVER_ERROR",
    /404: File Not Found/,
    { "/props": refusal(404, "File Not Found", "not_found_error") },
  ],
  [
    "an error that is no JSON",
    "SERVER_ERROR",
    /502: Bad Gateway/,
    { "/props": (_, response) => response.writeHead(502).end("Bad Gateway") },
  ],
  [
    "a model without images",
    "UNSUPPORTED",
    /image input .* none. .*--mmproj/,
    { "/props": json(200, { ...props, modalities: { vision: false } }) },
  ],
  [
    "an old server",
    "SERVER_ERROR",
    /n_embd .* received nothing. Update llama-server/,
    { "/v1/models": json(200, { data: [] }) },
  ],
  [
    "another mmproj",
    "UNSUPPORTED",
    /a pixel carrier .* 3 embeddings gave 65 tokens of prompt, 5 gave 65/,
    { probe: json(200, {}), "/completion": json(200, { tokens_evaluated: 65 }) },
  ],
];
test.each(refused)("%s is %s", async (_, code, message, routes) => {
  const { connect } = await serve(routes);
  expect(await failure(connect())).toEqual({ code, message: expect.stringMatching(message) });
});

const full = {
  code: 400,
  message: "request (600 tokens) exceeds the available context size (512 tokens)",
  type: "exceed_context_size_error",
};
const failing: [name: string, code: string, message: RegExp, answer: Answer][] = [
  [
    "a prompt that is too long",
    "CONTEXT_OVERFLOW",
    /400: request \(600 tokens\) exceeds .*--ctx-size/,
    json(400, { error: full }),
  ],
  [
    "an error inside the stream",
    "CONTEXT_OVERFLOW",
    /400: request .*--ctx-size/,
    (_, response) => response.end(event({ content: "a" }) + event({ error: full })),
  ],
  [
    "a stream that ends early",
    "SERVER_ERROR",
    /an answer that ends .* broke off/,
    (_, response) => response.end(event({ content: "a" })),
  ],
  [
    "a server that dies",
    "SERVER_ERROR",
    /the rest of the answer/,
    (_, response) => response.write(event({ content: "a" }), () => response.destroy()),
  ],
  [
    "an event that is no JSON",
    "SERVER_ERROR",
    /a JSON object .* "nonsense"/,
    (_, response) => response.end("data: nonsense\n\n"),
  ],
];
test.each(failing)("%s is %s", async (_, code, message, answer) => {
  const { connect } = await serve({ "/completion": answer });
  const error = await failure((await connect()).complete("x"));
  expect(error).toEqual({ code, message: expect.stringMatching(message) });
});
