import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { returnOf } from "../../../adapters/async-generators.ts";
import { type EmbeddedPart, LlamaServer } from "../../../adapters/llama-cpp/carrier/index.ts";
import { readImage } from "../../../sdk/index.ts";
import { failure } from "../checkpoint/temporary.ts";
import { type Answer, embeddingsIn, json, props, refusal, serve } from "./fake-server.ts";

const finished = { stop: true, stop_type: "eos", tokens_evaluated: 9, tokens_predicted: 3, timings: { cache_n: 4 } };
const whole = json(200, { content: "a日", tokens: [5, 6, 7], ...finished });
const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const end = event({ content: "", tokens: [], ...finished });
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
  const { requests, connect } = await serve({ "/completion": whole });
  const server = await connect({ apiKey: "secret" });
  expect(server.info).toEqual({
    model: "tiny",
    embeddingDim: 4,
    contextSize: 4096,
    mediaMarker: "<__media_x__>",
    takes: "embeddings",
  });
  const options = { maxTokens: 3, temperature: 0, topK: 1, seed: 7, stop: ["x"], slot: 0, extra: { ignore_eos: true } };
  expect(await server.complete(["Look: ", image, " what?"], options)).toEqual({
    text: "a日",
    tokens: [5, 6, 7],
    answerTokens: 3,
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
    stream: false,
    return_tokens: true,
  });
  await server.complete("text alone", { cachePrompt: false });
  expect(requests.at(-1)!.body).toMatchObject({ prompt: "text alone", cache_prompt: false });
});

test("a stream has the ids that the server sends, and says how many the answer has", async () => {
  // llama-server keeps back a token that ends inside a character: server-context.cpp, process_token.
  const { requests, connect } = await serve({
    "/completion": (_, response) =>
      response.end(event({ content: "a", tokens: [5] }) + event({ content: "日", tokens: [7] }) + end),
  });
  const stream = (await connect()).stream("x");
  const pieces = [];
  let step = await stream.next();
  for (; !step.done; step = await stream.next()) pieces.push(step.value);
  expect(pieces).toEqual([
    { text: "a", tokens: [5] },
    { text: "日", tokens: [7] },
  ]);
  expect(step.value).toMatchObject({ text: "a日", tokens: [5, 7], answerTokens: 3 });
  expect(requests.at(-1)!.body).toMatchObject({ stream: true, return_tokens: true });
});

test("a conversation goes through the server's chat template, with the images in its order and one bos", async () => {
  const { requests, connect } = await serve({ "/completion": whole });
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

const LLAVA =
  "{% for m in messages %}{{ m.role | upper }}: {% for part in m.content | selectattr('type', 'equalto', 'image') %}<image>\n{% endfor %}{% for part in m.content | selectattr('type', 'equalto', 'text') %}{{ part.text }} {% endfor %}{% endfor %}ASSISTANT:";
const SMOL =
  "<s>{% for m in messages %}{{ m.role | capitalize }}{{ ':' if m.content[0].type == 'image' else ': ' }}{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% else %}<image>{% endif %}{% endfor %}<end>\n{% endfor %}Assistant:";
const QWEN =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}{{ '<|im_start|>assistant\n' }}";
const GEMMA =
  "{% for m in messages %}<start_of_turn>{{ m.role }}\n{% for part in m.content %}{% if part.type == 'image' %}<start_of_image>{% else %}{{ part.text }}{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}{{ '<start_of_turn>model\n' }}";
const templates: [name: string, template: string, carrier: string, images: string][] = [
  ["LLaVA's newline", LLAVA, "USER: #\nwhat? ASSISTANT:", "USER: #\nwhat? ASSISTANT:"],
  ["SmolVLM's space that is not there", SMOL, "User:#what?<end>\nAssistant:", "User:#what?<end>\nAssistant:"],
  [
    "Qwen-VL's words, which llama.cpp writes around its own images",
    QWEN,
    "<|im_start|>user\n<|vision_start|>#<|vision_end|>what?<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|>user\n#what?<|im_end|>\n<|im_start|>assistant\n",
  ],
  [
    "Gemma 3's breaks, which its processor writes",
    GEMMA,
    "<start_of_turn>user\n#what?<end_of_turn>\n<start_of_turn>model\n",
    "<start_of_turn>user\n\n\n#\n\nwhat?<end_of_turn>\n<start_of_turn>model\n",
  ],
];
const another = { probe: json(200, {}) };
const picture = { image: { data: new Uint8Array(12).fill(9), width: 2, height: 2 } };

test.each(templates)("a prompt has %s", async (_, chat_template, withEmbeddings, withImages) => {
  const routes = { "/props": json(200, { ...props, chat_template }), "/completion": whole };
  const words = chat_template === QWEN ? image.segments : [image.segments[1]];
  const promptOf = async (extra: Record<string, Answer>, part: EmbeddedPart) => {
    const { requests, connect } = await serve({ ...routes, ...extra });
    await (await connect()).chat([{ role: "user", content: [part, "what?"] }]);
    const { prompt } = requests.at(-1)!.body as { prompt: { prompt_string: string; multimodal_data: string[] } };
    expect(prompt.multimodal_data).toHaveLength(1);
    return prompt.prompt_string.replace(props.media_marker, "#");
  };
  expect(await promptOf({}, { ...image, segments: words })).toBe(withEmbeddings);
  expect(await promptOf(another, picture)).toBe(withImages);
});

test("an ordinary mmproj whose tokens follow an image's size is no carrier", async () => {
  // LFM2-VL's: at least 64 tokens, and more for a wider image.
  const probe: Answer = async (body, response, request) => {
    const { prompt } = body as { prompt: { multimodal_data: string[] } };
    const tokens = 64 + (await embeddingsIn(prompt.multimodal_data[0]!));
    json(200, { tokens_evaluated: tokens })(body, response, request);
  };
  const { connect } = await serve({ probe, "/completion": probe });
  expect((await connect()).info.takes).toBe("images");
});

test("a server with an ordinary mmproj takes images, as PNG, and no embeddings", async () => {
  const { requests, connect } = await serve({ ...another, "/completion": whole });
  const server = await connect();
  expect(server.info.takes).toBe("images");
  await server.complete([picture, "what?"]);
  const { prompt } = requests.at(-1)!.body as { prompt: { prompt_string: string; multimodal_data: string[] } };
  expect(prompt.prompt_string).toBe("<__media_x__>what?");
  expect(await readImage(Buffer.from(prompt.multimodal_data[0]!, "base64"))).toMatchObject(picture.image);
  expect(await failure(server.complete([image, "what?"]))).toEqual({
    code: "UNSUPPORTED",
    message: expect.stringMatching(/a pixel carrier .* one that takes images. Pass \{ image \}/),
  });
  const carrier = await (await serve()).connect();
  expect(await failure(carrier.complete([picture, "what?"]))).toEqual({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(/embeddings .* an image. Pass what `tokenizer.embed/),
  });
});

const THINKS =
  "{% for m in messages %}{{ m.content }}{% endfor %}A:{% if not quick %}<think>\n{% else %}<think></think>{% endif %}";
test("what a model thinks first is no part of its answer, also where the template opens the thought", async () => {
  const said = ["let me se", "e</th", "ink>\n\nblue <b", "> and <thi", "nk>more</think>green <t"];
  const answers: Answer = ({ stream }, response, request) => {
    if (stream) response.end(said.map((content, i) => event({ content, tokens: [i] })).join("") + end);
    else json(200, { content: said.join(""), tokens: [0, 1, 2, 3, 4], ...finished })({}, response, request);
  };
  const { requests, connect } = await serve({
    "/props": json(200, { ...props, chat_template: THINKS }),
    "/completion": answers,
  });
  const server = await connect();
  const messages = [{ role: "user", content: "which?" }] as const;
  const answer = await server.chat(messages);
  expect(answer).toMatchObject({ text: "blue <b> and green <t", tokens: [0, 1, 2, 3, 4] });
  expect(requests.at(-1)!.body.prompt).toBe("which?A:<think>\n");
  let text = "";
  for await (const piece of server.streamChat(messages)) text += piece.text;
  expect(text).toBe(answer.text);
  const quick = await connect({ chatTemplateKwargs: { quick: true } });
  expect((await quick.chat(messages)).text).toBe("let me see</think>\n\nblue <b> and green <t");
  expect(requests.at(-1)!.body.prompt).toBe("which?A:<think></think>");
});

test("a chat template that loses an image, or cannot be rendered, is an error, and chatTemplate mends it", async () => {
  const losing = json(200, {
    ...props,
    chat_template: "{% for m in messages %}{{ m.content[:3] }}{% endfor %}vqraeProbe",
  });
  const { connect } = await serve({ "/props": losing, "/completion": whole });
  const error = await failure((await connect()).chat([{ role: "user", content: ["what", image] }]));
  expect(error).toEqual({ code: "UNSUPPORTED", message: expect.stringMatching(/1 images .* 0 places.*chatTemplate/) });
  const server = await connect({ chatTemplate: "{% for m in messages %}{{ m.content }}{% endfor %}:" });
  expect((await server.chat([{ role: "user", content: ["what", image] }])).text).toBe("a日");
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
  const error = await failure(returnOf((await connect()).stream("x")));
  expect(error).toEqual({ code, message: expect.stringMatching(message) });
});
