import * as z from "zod";
import { VqraeError } from "../../sdk/index.ts";
import {
  describe,
  expectedBut,
  isObject,
  LinkedAbortController,
  option,
  parseJson,
  parseOptions,
} from "../../sdk/kit.ts";
import { API_URL, answerText, apiUrl, eventData, isRefusal, pathOf, shownUrl } from "../model-servers.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions, VlmPiece } from "../vision-language-model.ts";
import { imageUrl } from "./image-url.ts";
import { type Dialect, type Json, requestBody } from "./request.ts";
import { refused, type SendOptions, send, unreachable } from "./send.ts";

export interface OpenAiModelOptions extends SendOptions {
  /** Where the API is, such as "http://127.0.0.1:8080/v1". Its query goes with each request. */
  readonly baseUrl: string | URL;
  /** The model's name there. */
  readonly model: string;
  /** What the endpoint calls the most tokens of an answer (default "max_tokens"). */
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens";
}

export const openAiOptions = {
  baseUrl: z.unknown().transform(apiUrl).pipe(z.instanceof(URL)).describe(API_URL),
  model: z.string().min(1).describe("a name"),
  maxTokensField: option.oneOf("max_tokens", "max_completion_tokens"),
  apiKey: option.custom<string>("a text", (value) => typeof value === "string"),
  fetch: option.callback<typeof fetch>(),
  headers: option.custom<Readonly<Record<string, string>>>("texts by name", isObject),
  timeoutMs: option.number("a number of milliseconds", (value) => value > 0),
  retries: option.integer(0),
  retryDelayMs: option.number("a number of milliseconds", (value) => value >= 0),
} as const;
const schema = z.strictObject(openAiOptions);

/**
 * A model behind an endpoint that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, LM Studio, a
 * llama-server with its own mmproj. Images go as data: URLs. Nothing is sent before the first question.
 * @throws INVALID_ARGUMENT for another option, such as a URL that is none
 */
export function openAiModel(options: OpenAiModelOptions): VisionLanguageModel {
  const parsed = parseOptions(schema, options, "openAiModel");
  const { maxTokensField = "max_tokens" } = parsed;
  return new ChatCompletionsModel(parsed, {
    maxTokensField,
    sampling: {},
    name: "OpenAI's protocol",
    image: async (image, signal) => ({ type: "image_url", image_url: { url: await imageUrl(image, signal) } }),
  });
}

interface Endpoint extends SendOptions {
  readonly baseUrl: URL;
  readonly model: string;
}

/** A model behind POST /chat/completions, which endpoints speak in dialects. */
export class ChatCompletionsModel implements VisionLanguageModel {
  readonly specificationVersion = "v1";
  readonly modelId: string;
  readonly #options: SendOptions;
  readonly #url: URL;
  readonly #dialect: Dialect;

  constructor({ baseUrl, model, ...options }: Endpoint, dialect: Dialect) {
    this.#url = pathOf(baseUrl, "chat/completions");
    this.modelId = model;
    this.#options = options;
    this.#dialect = dialect;
  }

  async chat(messages: readonly VlmMessage[], options: VlmOptions = {}): Promise<VlmAnswer> {
    const { response, deadline } = await this.#send(messages, options, {});
    try {
      const body = await answerText(response, (text) => this.#wrong("a shorter answer", describe(text)));
      const answer = this.#parse(body);
      const choice = firstChoice(answer);
      const text = isObject(choice?.message) ? choice.message.content : undefined;
      // A model that was cut off before it said anything has null here.
      if (!choice || (typeof text !== "string" && text !== null))
        throw this.#wrong("an answer with choices[0]", describe(body));
      return { text: text ?? "", finishReason: this.#finishReason(choice.finish_reason), ...usage(answer) };
    } catch (error) {
      throw this.#broken(error, options.signal);
    } finally {
      deadline.end();
    }
  }

  async *streamChat(messages: readonly VlmMessage[], options: VlmOptions = {}): AsyncGenerator<VlmPiece, VlmAnswer> {
    const stop = new LinkedAbortController(options.signal);
    const { signal } = stop;
    const body = { stream: true, stream_options: { include_usage: true } };
    const { response, deadline } = await this.#send(messages, { ...options, signal }, body);
    let text = "";
    let reason: unknown = null;
    let counts = usage({});
    try {
      if (!response.body) throw this.#wrong("a stream", "nothing");
      for await (const data of eventData(response.body, (event) => this.#wrong("a shorter event", describe(event)))) {
        deadline.moveOn();
        const event = this.#parse(data);
        const choice = firstChoice(event);
        const piece = isObject(choice?.delta) ? choice.delta.content : undefined;
        reason = choice?.finish_reason ?? reason;
        if (isObject(event.usage)) counts = usage(event);
        if (typeof piece !== "string" || piece === "") continue;
        text += piece;
        yield { text: piece };
      }
      if (reason === null) throw this.#wrong("an answer that ends", "a stream that broke off");
      return { text, finishReason: this.#finishReason(reason), ...counts };
    } catch (error) {
      throw this.#broken(error, options.signal);
    } finally {
      deadline.end();
      stop.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #send(messages: readonly VlmMessage[], options: VlmOptions, extra: Json) {
    const body = await requestBody(this.modelId, messages, options, this.#dialect);
    return send(this.#url, { ...body, ...extra }, this.#options, options.signal);
  }

  #parse(text: string): Json {
    const value = parseJson(text);
    if (!isObject(value)) throw this.#wrong("a JSON object", describe(text));
    if (isRefusal(value)) throw refused(this.#url, value, text);
    return value;
  }

  #finishReason(reason: unknown): VlmAnswer["finishReason"] {
    if (reason === "stop" || reason === "length") return reason;
    throw this.#wrong('an answer that ends with "stop" or "length"', describe(reason));
  }

  #wrong(what: string, received: string): VqraeError {
    return expectedBut("SERVER_ERROR", what, shownUrl(this.#url), received);
  }

  /** What ended an answer before its end, as an error of ours; the caller's own abort as it is. */
  #broken(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    return VqraeError.isInstance(error) ? error : unreachable(this.#url, error);
  }
}

function firstChoice(answer: Json): Json | undefined {
  const choice = Array.isArray(answer.choices) ? answer.choices[0] : undefined;
  return isObject(choice) ? choice : undefined;
}

function usage(answer: Json): Pick<VlmAnswer, "promptTokens" | "answerTokens"> {
  const counts = isObject(answer.usage) ? answer.usage : {};
  const count = (value: unknown) => (typeof value === "number" && Number.isSafeInteger(value) ? value : null);
  return { promptTokens: count(counts.prompt_tokens), answerTokens: count(counts.completion_tokens) };
}
