import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { readGguf } from "../../../adapters/gguf/index.ts";
import { openTokenCompletion, type TokenBody } from "./token-completion.ts";

/**
 * What the tests run where no llama-server is at hand: the endpoints that the client uses, over @fugood/llama.node,
 * which has llama.cpp's own image code (mtmd). Takes llama-server's options and answers as it does.
 */
const { values: options } = parseArgs({
  options: {
    model: { type: "string", short: "m", default: "" },
    mmproj: { type: "string" },
    "ctx-size": { type: "string", short: "c", default: "512" },
    port: { type: "string", default: "0" },
  },
  strict: false,
});
/** What is used of it here: the package's own types are sources that this project's compiler options refuse. */
interface LlamaNode {
  loadModel(options: object): Promise<Model>;
}
interface Model {
  initMultimodal(options: { path: string; use_gpu: boolean }): Promise<boolean>;
  tokenize(text: string, options: { media_paths: string[] }): Promise<{ tokens: ArrayLike<number> }>;
  getModelInfo(): { nEmbd: number; metadata: Record<string, string> };
  /** The other way, `completion`, loses track of answers that are shorter than its own start. */
  readonly parallel: {
    enable(config: { n_parallel: number }): Promise<boolean>;
    completion(options: object, onToken: (request: number, piece: { token: string }) => void): Promise<Running>;
  };
}
interface Running {
  readonly promise: Promise<CompletionResult>;
  stop(): void;
}
interface CompletionResult {
  readonly text: string;
  readonly stopped_eos: boolean;
  readonly stopped_word: boolean;
  readonly timings: { readonly prompt_n: number; readonly cache_n: number };
}
const { loadModel } = createRequire(import.meta.url)("@fugood/llama.node") as LlamaNode;

const contextSize = Number(options["ctx-size"]);
const model = await loadModel({
  model: String(options.model),
  n_ctx: contextSize,
  n_threads: 1,
  n_gpu_layers: 0,
  n_parallel: 1,
});
if (options.mmproj) await model.initMultimodal({ path: String(options.mmproj), use_gpu: false });
await model.parallel.enable({ n_parallel: 1 });
/** llama.cpp's template of a model that has none. */
const CHATML =
  "{%- for message in messages -%}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}";
const marker = `<__media_${Math.random().toString(36).slice(2)}__>`;

/** llama.node's parallel mode adds it to prompts with images only, llama-server to all. */
const bos = model.getModelInfo().metadata["tokenizer.ggml.add_bos_token"] === "true" ? "<s>" : "";

interface CompletionBody {
  readonly prompt: string | { readonly prompt_string: string; readonly multimodal_data: readonly string[] };
  readonly n_predict?: number;
  readonly stream?: boolean;
  readonly temperature?: number;
  readonly top_k?: number;
  readonly ignore_eos?: boolean;
  readonly stop?: string[];
}

const tokens = (await readGguf(String(options.model))).metadata.get("tokenizer.ggml.tokens")!.value as string[];
let tokenCompletion: ReturnType<typeof openTokenCompletion> | undefined;
const byTokens = () => {
  tokenCompletion ??= openTokenCompletion(String(options.model), contextSize);
  return tokenCompletion;
};

async function completeTokens(body: TokenBody, response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event: object) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  for await (const token of (await byTokens()).complete(body)) {
    if (response.closed) return;
    send({ content: "", tokens: [token], stop: false });
  }
  send({ content: "", tokens: [], stop: true, stop_type: "limit", tokens_evaluated: body.prompt.length, timings: {} });
  response.end();
}

const error = (code: number, message: string, type: string) => ({ error: { code, message, type } });

/** One completion after the other, as a server with one slot. */
let previous: Promise<unknown> = Promise.resolve();

async function complete(body: CompletionBody, response: ServerResponse): Promise<void> {
  const text = typeof body.prompt === "string" ? body.prompt : body.prompt.prompt_string;
  const images = typeof body.prompt === "string" ? [] : body.prompt.multimodal_data;
  if (images.length > 0 && !options.mmproj) {
    const message = "Multimodal data provided, but model does not support multimodal requests.";
    answer(response, 400, error(400, message, "invalid_request_error"));
    return;
  }
  if (images.length > 0 && text.endsWith(marker)) process.abort(); // as llama-server does, with a failed assertion
  const prompt = images.length === 0 ? bos + text : text.replaceAll(marker, "<__media__>");
  const media_paths = images.map((image) => `data:image/png;base64,${image}`);
  if (body.n_predict === 0) {
    const { tokens } = await model.tokenize(prompt, { media_paths });
    answer(response, 200, { content: "", tokens: [], stop: true, tokens_evaluated: tokens.length });
    return;
  }
  const parameters = {
    prompt,
    media_paths,
    n_predict: body.n_predict ?? -1,
    temperature: body.temperature === 0 ? 1 : (body.temperature ?? 0.8),
    top_k: body.temperature === 0 ? 1 : (body.top_k ?? 40), // llama.node takes no temperature of 0
    ignore_eos: body.ignore_eos ?? false,
    stop: body.stop ?? [],
  };
  let sent = "";
  const send = (event: object) => {
    if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  };
  const running = await model.parallel.completion(parameters, (_, { token }) => {
    if (!body.stream || response.writableEnded) return;
    sent += token;
    send({ content: token, tokens: [], stop: false });
  });
  response.on("close", () => running.stop());
  const result = await running.promise;
  const { prompt_n, cache_n } = result.timings;
  const end = {
    content: result.text.slice(sent.length),
    tokens: [],
    stop: true,
    stop_type: result.stopped_eos ? "eos" : result.stopped_word ? "word" : "limit",
    tokens_evaluated: prompt_n + cache_n,
    timings: { prompt_n, cache_n },
  };
  if (!body.stream) return answer(response, 200, end);
  send(end);
  response.end();
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const info = model.getModelInfo();
  switch (`${request.method} ${request.url}`) {
    case "GET /health":
      return answer(response, 200, { status: "ok" });
    case "GET /props":
      return answer(response, 200, {
        default_generation_settings: { n_ctx: contextSize },
        model_alias: "stand-in",
        modalities: { vision: options.mmproj !== undefined, audio: false },
        media_marker: marker,
        chat_template: info.metadata["tokenizer.chat_template"] ?? CHATML,
        bos_token: bos,
        eos_token: "",
      });
    case "GET /v1/models":
      return answer(response, 200, { data: [{ meta: { n_embd: info.nEmbd, n_vocab: tokens.length } }] });
    case "POST /tokenize": {
      const { content, parse_special, add_special } = JSON.parse(await bodyOf(request));
      if (add_special) return answer(response, 200, { tokens: bos === "" ? [] : [0] });
      return answer(response, 200, { tokens: (await byTokens()).tokenize(content, parse_special) });
    }
    case "POST /completion": {
      const body = JSON.parse(await bodyOf(request));
      previous = previous
        .then(() => (Array.isArray(body.prompt) ? completeTokens(body, response) : complete(body, response)))
        .catch((cause: Error) => {
          if (!response.headersSent) answer(response, 500, error(500, cause.message, "server_error"));
        });
      await previous;
      return;
    }
    default:
      return answer(response, 404, error(404, "File Not Found", "not_found_error"));
  }
}

const server = createServer((request, response) => void serve(request, response));
server.listen(Number(options.port), "127.0.0.1");
