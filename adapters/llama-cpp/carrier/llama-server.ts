import { z } from "zod";
import { expectedBut, option, parseOptions } from "../../../sdk/kit.ts";
import { returnOf } from "../../async-generators.ts";
import { type Carrier, checkCarrier, DEFAULT_RANGE, isRange, RANGES } from "./carrier.ts";
import {
  type Completion,
  type CompletionOptions,
  type CompletionPiece,
  completionFields,
  cutShort,
  endOf,
  pieceOf,
} from "./completion.ts";
import { HttpClient, type HttpOptions, httpOptions } from "./http.ts";
import { type PromptContent, packPrompt } from "./segments.ts";
import { readServerInfo, requireCarrier, type ServerInfo } from "./server-info.ts";

export interface ConnectOptions extends HttpOptions {
  /** The range that the server's carrier was written with (default 64). */
  readonly range?: number;
  readonly signal?: AbortSignal;
}

const connectOptions = z.strictObject({ ...httpOptions, range: option.number(RANGES, isRange), signal: option.signal });

export interface ChatMessage {
  readonly role: string;
  readonly content: PromptContent;
}

/**
 * A llama-server that was started with a carrier's mmproj (`vqrae carrier`). Images go to it as embeddings.
 *
 * In a conversation each prompt begins with the one before it, so the server's cache keeps what it has seen, images
 * too.
 */
export class LlamaServer {
  /** The model's name, the width of its embeddings and the size of a slot's context. */
  readonly info: ServerInfo;
  readonly #http: HttpClient;
  readonly #carrier: Carrier;

  private constructor(http: HttpClient, info: ServerInfo, carrier: Carrier) {
    this.#http = http;
    this.info = info;
    this.#carrier = carrier;
  }

  /**
   * @param url where the server listens, such as "http://127.0.0.1:8080"
   * @throws INVALID_ARGUMENT; SERVER_UNREACHABLE; UNSUPPORTED for a server without images, or with another mmproj than
   *   a carrier; SERVER_ERROR where it answers with an error
   */
  static async connect(url: string | URL, options: ConnectOptions = {}): Promise<LlamaServer> {
    const { range = DEFAULT_RANGE, signal, ...rest } = parseOptions(connectOptions, options, "LlamaServer.connect");
    const http = new HttpClient(url, rest, "llama-server -m model.gguf --mmproj mmproj-carrier.gguf");
    const info = await readServerInfo(http, signal);
    const carrier = { embeddingDim: info.embeddingDim, range };
    checkCarrier(carrier);
    await requireCarrier(http, info, carrier, signal);
    return new LlamaServer(http, info, carrier);
  }

  /**
   * Continues a prompt, piece by piece. Leaving the loop ends the request and the server's work. So does `signal`; then
   * the loop rejects with the signal's reason.
   *
   * @throws INCOMPATIBLE for embeddings of another width than the model's; INVALID_ARGUMENT for ones out of the
   *   carrier's range, and for a prompt without text after its last image; CONTEXT_OVERFLOW; UNSUPPORTED for full
   *   attention; SERVER_ERROR
   */
  async *stream(prompt: PromptContent, options: CompletionOptions = {}): AsyncGenerator<CompletionPiece, Completion> {
    const images: string[] = [];
    const text = await packPrompt(prompt, this.#carrier, this.info.mediaMarker, images);
    return yield* this.#complete(text, images, options);
  }

  /** The whole continuation of a prompt; throws as `stream` does. */
  async complete(prompt: PromptContent, options: CompletionOptions = {}): Promise<Completion> {
    return returnOf(this.stream(prompt, options));
  }

  /**
   * Answers a conversation in the model's own chat template, piece by piece; as `stream` otherwise.
   * @param messages the whole conversation; the server does not evaluate again what it has seen before
   */
  async *streamChat(
    messages: readonly ChatMessage[],
    options: CompletionOptions = {},
  ): AsyncGenerator<CompletionPiece, Completion> {
    const images: string[] = [];
    const packed: { role: string; content: string }[] = [];
    for (const { role, content } of messages) {
      packed.push({ role, content: await packPrompt(content, this.#carrier, this.info.mediaMarker, images) });
    }
    const { prompt } = await this.#http.post("apply-template", { messages: packed }, options.signal);
    const markers = String(prompt).split(this.info.mediaMarker).length - 1;
    if (typeof prompt !== "string" || markers !== images.length) {
      const received = `a prompt with ${markers}`;
      throw expectedBut("SERVER_ERROR", `${images.length} images`, "the server's chat template", received);
    }
    return yield* this.#complete(prompt, images, options);
  }

  /** The whole answer to a conversation; throws as `streamChat` does. */
  async chat(messages: readonly ChatMessage[], options: CompletionOptions = {}): Promise<Completion> {
    return returnOf(this.streamChat(messages, options));
  }

  async *#complete(
    text: string,
    images: readonly string[],
    options: CompletionOptions,
  ): AsyncGenerator<CompletionPiece, Completion> {
    // The server aborts where nothing follows an image: GGML_ASSERT(batch.size() > 0), server-context.cpp.
    if (images.length > 0 && text.endsWith(this.info.mediaMarker)) {
      throw expectedBut(
        "INVALID_ARGUMENT",
        "text after the last image",
        "the prompt",
        "an image at its end",
        "Add some: llama-server cannot go on from an image itself.",
      );
    }
    const prompt = images.length > 0 ? { prompt_string: text, multimodal_data: images } : text;
    const controller = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, controller.signal]) : controller.signal;
    const tokens: number[] = [];
    let answer = "";
    try {
      for await (const event of this.#http.stream("completion", { ...completionFields(options), prompt }, signal)) {
        const piece = pieceOf(event);
        answer += piece.text;
        tokens.push(...piece.tokens);
        if (piece.text !== "" || piece.tokens.length > 0) yield piece;
        if (event.stop === true) return endOf(event, answer, tokens);
      }
      throw cutShort("POST /completion");
    } finally {
      controller.abort();
    }
  }
}
