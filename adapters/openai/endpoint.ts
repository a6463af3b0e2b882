import { type Context, Hono } from "hono";
import * as z from "zod";
import type { Decoder, Encoder } from "../../sdk/index.ts";
import { option, parseOptions } from "../../sdk/kit.ts";
import type { ImageGenerator } from "../generation/index.ts";
import type { VisionLanguageModel } from "../vision-language-model.ts";
import { anthropicMessages } from "./anthropic/messages.ts";
import { HeldBytes } from "./body/held-bytes.ts";
import { chatCompletions } from "./chat/chat-completions.ts";
import { chatPage } from "./chat-page.ts";
import { embeddings } from "./embeddings/embeddings.ts";
import { ApiError, toApiError } from "./http/api-error.ts";
import { requireApiKey } from "./http/api-key.ts";
import { allowOrigins } from "./http/cors.ts";
import { errorFormOf } from "./http/error-forms.ts";
import { Metrics } from "./http/metrics.ts";
import { RequestQueue } from "./http/queue.ts";
import { type RequestLog, RequestRecord } from "./http/request-record.ts";
import { imageEdits, imageVariations } from "./images/edits.ts";
import { imageGenerations } from "./images/generations.ts";
import { type EndpointLimits, parseLimits } from "./limits.ts";
import { ollamaChatRoute, ollamaGenerateRoute, ollamaShowRoute } from "./ollama/ollama.ts";
import { ollamaModels } from "./ollama/ollama-models.ts";
import { RequestPipeline, type Work } from "./pipeline.ts";
import { responses } from "./responses/responses.ts";
import { StoredResponses } from "./responses/stored-responses.ts";
import { now, requireModel } from "./route.ts";
import { visionDecode } from "./vision/decode.ts";
import { visionTokens } from "./vision/tokens.ts";

export interface EndpointOptions {
  /** For POST /v1/chat/completions, by their `modelId`. You dispose them yourself, as the others. */
  readonly languageModels?: readonly VisionLanguageModel[];
  /** For POST /v1/images/generations, edits and variations; the first one where a request names none. */
  readonly imageModels?: readonly ImageGenerator[];
  /** For POST /v1/vision/tokens and /v1/vision/decode; the first one where a request names none. */
  readonly tokenizers?: readonly (Encoder & Decoder)[];
  /** What clients must send as a bearer token for /v1 (default: nothing). */
  readonly apiKey?: string;
  /** Whether images may be http(s) URLs, of public addresses (default false). */
  readonly allowRemoteImages?: boolean;
  /** Answers of language models at a time (default 1). Give as many as the models have sequences. */
  readonly parallel?: number;
  readonly limits?: Partial<EndpointLimits>;
  /** Serve the chat page at / (default false). */
  readonly ui?: boolean;
  /**
   * Origins of web pages that may read answers, such as "https://chat.example.com" (default: none but its own). "*" is
   * any page, and is refused with an `apiKey`.
   */
  readonly cors?: readonly string[];
  /** Called at the end of each answer. */
  readonly onRequest?: (log: RequestLog) => void;
  /** Called with failures that no client can mend (status 500). */
  readonly onError?: (error: unknown) => void;
}

const listOf = <T>() => option.custom<readonly T[]>("a list of models", Array.isArray);

const schema = z.strictObject({
  languageModels: listOf<VisionLanguageModel>(),
  imageModels: listOf<ImageGenerator>(),
  tokenizers: listOf<Encoder & Decoder>(),
  apiKey: option.text("a text that is not empty"),
  allowRemoteImages: option.flag,
  parallel: option.integer(1),
  limits: option.custom<Partial<EndpointLimits>>("limits by name", () => true),
  ui: option.flag,
  cors: option.texts("a list of origins"),
  onRequest: option.callback<(log: RequestLog) => void>(),
  onError: option.callback<(error: unknown) => void>(),
});

/** An endpoint that speaks OpenAI's protocol. */
export interface Endpoint {
  readonly limits: EndpointLimits;
  /** Answers a request; every failure is an answer too. */
  fetch(request: Request): Promise<Response>;
  /** Ends what is being answered, with status 503. */
  abort(): void;
}

/** @throws INVALID_ARGUMENT; the file system's error where `ui` is wanted and the page's files are missing */
export async function createEndpoint(options: EndpointOptions = {}): Promise<Endpoint> {
  const given = parseOptions(schema, options, "createEndpoint");
  const { apiKey, parallel = 1, allowRemoteImages = false, ui = false, cors = [], onError = () => {} } = given;
  const { onRequest = () => {} } = given;
  const limits = parseLimits(given.limits);
  const languageModels = byId(given.languageModels ?? [], ({ modelId }) => modelId);
  const imageModels = byId(given.imageModels ?? [], ({ info }) => info.modelId);
  const tokenizers = byId(given.tokenizers ?? [], ({ info }) => info.modelId);
  const queue = (running: number) => new RequestQueue({ running, waiting: limits.waiting });
  const [chat, vision, drawing] = [queue(parallel), queue(parallel), queue(1)];
  const stored = new StoredResponses(limits);
  const work: Readonly<Record<string, Work>> = {
    "/v1/chat/completions": { route: chatCompletions(languageModels), queue: chat },
    "/v1/responses": { route: responses(languageModels, { models: imageModels, queue: drawing }, stored), queue: chat },
    "/v1/messages": { route: anthropicMessages(languageModels), queue: chat },
    "/api/chat": { route: ollamaChatRoute(languageModels), queue: chat },
    "/api/generate": { route: ollamaGenerateRoute(languageModels), queue: chat },
    "/api/show": { route: ollamaShowRoute(languageModels), queue: queue(parallel) },
    "/v1/embeddings": { route: embeddings(tokenizers), queue: vision },
    "/v1/images/generations": { route: imageGenerations(imageModels), queue: drawing },
    "/v1/images/edits": { route: imageEdits(imageModels), queue: drawing, forms: true },
    "/v1/images/variations": { route: imageVariations(imageModels), queue: drawing, forms: true },
    "/v1/vision/tokens": { route: visionTokens(tokenizers), queue: vision },
    "/v1/vision/decode": { route: visionDecode(tokenizers), queue: vision },
  };
  const models = modelObjects([
    [languageModels, ["/v1/chat/completions", "/v1/responses", "/v1/messages"]],
    [imageModels, ["/v1/images/generations", "/v1/images/edits", "/v1/images/variations"]],
    [tokenizers, ["/v1/embeddings", "/v1/vision/tokens"]],
    [withIds(tokenizers), ["/v1/vision/decode"]],
  ]);
  const closing = new AbortController();
  const held = new HeldBytes(limits.heldBytes);

  const pipeline = new RequestPipeline({ limits, held, allowRemoteImages, closing: closing.signal, onError });
  const metrics = new Metrics(new Set(["/health", "/metrics", "/v1/models", ...Object.keys(work)]), [
    { name: "held_bytes", help: "Bytes of the requests that are answered.", value: () => [["", held.used]] },
    { name: "requests_running", help: "Requests that a model works at.", value: () => sizes((one) => one.running) },
    { name: "requests_waiting", help: "Requests that wait for their turn.", value: () => sizes((one) => one.waiting) },
  ]);
  const sizes = (of: (queue: RequestQueue) => number) =>
    Object.entries(work).map(([path, { queue }]) => [`{path="${path}"}`, of(queue)] as const);

  const app = new Hono<{ Variables: { record: RequestRecord } }>();
  app.use(async (c, next) => {
    const record = new RequestRecord(c.req.raw, (log) => {
      metrics.add(log);
      onRequest(log);
    });
    c.set("record", record);
    await next();
    for (const [name, value] of Object.entries(record.headers())) c.res.headers.set(name, value);
    record.answered(c.res.status);
  });
  if (cors.length > 0) app.use(allowOrigins(cors, apiKey));
  for (const path of ["/v1/*", "/api/*", "/metrics"]) {
    app.use(path, async (c, next) => {
      requireApiKey(c.req.raw, apiKey);
      await next();
    });
  }
  app.get("/metrics", (c) => c.body(metrics.text(), 200, { "content-type": "text/plain; version=0.0.4" }));
  app.get("/health", (c) => c.json({ status: "ok" }));
  app.get("/v1/models", (c) => c.json({ object: "list", data: [...models.values()] }));
  app.get("/v1/models/:id", (c) => c.json(requireModel(models, c.req.param("id"))));
  app.route("/api", ollamaModels(languageModels));
  for (const [path, one] of Object.entries(work)) {
    app.post(path, (c) => pipeline.answer(c.req.raw, one, c.get("record")));
    app.all(path, () => wrongMethod("POST"));
  }
  for (const [path, page] of ui ? await chatPage() : []) app.get(path, page);
  for (const path of ["/health", "/metrics", "/v1/models"]) app.all(path, () => wrongMethod("GET"));
  app.notFound((c) => failed(c, notFound(c)));
  app.onError((error, c) => {
    pipeline.report(error, c.req.raw);
    return failed(c, toApiError(error));
  });

  return {
    limits,
    fetch: async (request) => app.fetch(request),
    abort: () => closing.abort(new ApiError(503, "The server is shutting down.", { code: "shutting_down" })),
  };
}

/** OpenAI's model objects by id, with the paths that take the model. */
function modelObjects(groups: readonly (readonly [ReadonlyMap<string, unknown>, readonly string[]])[]) {
  const created = now();
  const routes = new Map<string, string[]>();
  for (const [models, paths] of groups) {
    for (const id of models.keys()) routes.set(id, [...(routes.get(id) ?? []), ...paths]);
  }
  const objects = [...routes].map(([id, paths]) => ({
    id,
    object: "model",
    created,
    owned_by: "vqrae",
    routes: paths,
  }));
  return new Map(objects.map((model) => [model.id, model]));
}

const withIds = <T extends Encoder>(models: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
  new Map([...models].filter(([, { info }]) => info.codebook !== null));

function byId<T>(models: readonly T[], idOf: (model: T) => string): ReadonlyMap<string, T> {
  return new Map(models.map((model) => [idOf(model), model]));
}

/** In the form of the path's protocol. */
const failed = (c: Context, error: ApiError): Response => error.toResponse(errorFormOf(c.req.path)(error));

function wrongMethod(allowed: string): never {
  const message = `Expected ${allowed} for this path but received another method.`;
  throw new ApiError(405, message, { code: "method_not_allowed", headers: { allow: allowed } });
}

function notFound(c: Context): ApiError {
  const message = `Expected a path of this server, such as /v1/chat/completions, but received ${c.req.path.slice(0, 80)}.`;
  return new ApiError(404, message, { code: "not_found" });
}
