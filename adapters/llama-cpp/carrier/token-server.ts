import * as z from "zod";
import { expected, expectedBut, LinkedAbortController, option, parseOptions } from "../../../sdk/kit.ts";
import { type CompletionOptions, completionFields, cutShort, pieceOf } from "./completion.ts";
import { HttpClient, type HttpOptions, httpOptions } from "./http.ts";
import { contextSizeOf, count, fieldAt } from "./server-info.ts";

const connectOptions = z.strictObject({ ...httpOptions, signal: option.signal });

/** A llama-server that takes tokens instead of text. It works with any model and needs no mmproj. */
export class TokenServer {
  /** Tokens that one slot's context holds. */
  readonly contextSize: number;
  /** Tokens of the model's vocabulary. */
  readonly vocabularySize: number;
  readonly #http: HttpClient;

  private constructor(http: HttpClient, contextSize: number, vocabularySize: number) {
    this.#http = http;
    this.contextSize = contextSize;
    this.vocabularySize = vocabularySize;
  }

  /** @throws INVALID_ARGUMENT, SERVER_UNREACHABLE, SERVER_ERROR; the signal's reason after an abort */
  static async connect(
    url: string | URL,
    options: HttpOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<TokenServer> {
    const { signal, ...rest } = parseOptions(connectOptions, options, "TokenServer.connect");
    const http = new HttpClient(url, rest, "llama-server -m model.gguf");
    const props = await http.get("props", signal);
    const models = await http.get("v1/models", signal);
    const vocabularySize = count(fieldAt(models, "data", 0, "meta", "n_vocab"), "meta.n_vocab of GET /v1/models");
    return new TokenServer(http, contextSizeOf(props), vocabularySize);
  }

  /** @param special whether texts such as "<|im_start|>" stand for tokens */
  async tokenize(text: string, { special }: { readonly special: boolean }, signal?: AbortSignal): Promise<number[]> {
    const body = { content: text, add_special: false, parse_special: special };
    const { tokens } = await this.#http.post("tokenize", body, signal);
    if (Array.isArray(tokens) && tokens.every((token) => Number.isInteger(token))) return tokens;
    throw expected("SERVER_ERROR", "a list of tokens", "the answer of POST /tokenize", tokens);
  }

  /**
   * The tokens that continue `prompt`, as they come. Leaving the loop ends the server's work, and so does `signal`.
   * @throws CONTEXT_OVERFLOW, SERVER_ERROR; the signal's reason after an abort
   */
  async *complete(prompt: readonly number[], options: CompletionOptions): AsyncGenerator<number> {
    const controller = new LinkedAbortController(options.signal);
    const { signal } = controller;
    try {
      for await (const event of this.#http.stream(
        "completion",
        { ...completionFields(options, true), prompt },
        signal,
      )) {
        for (const token of pieceOf(event).tokens) {
          if (!Number.isInteger(token)) throw expectedBut("SERVER_ERROR", "a token", "POST /completion", "another");
          yield token;
        }
        if (event.stop === true) return;
      }
      throw cutShort("POST /completion");
    } finally {
      controller.abort();
    }
  }
}
