import * as z from "zod";
import { expectedBut, LinkedAbortController, option, parseOptions } from "../../../sdk/kit.ts";
import { type ChatTemplateKwargs, templateOptions } from "../../prompt/index.ts";
import { checkCarrier, DEFAULT_RANGE, isRange, RANGES } from "./carrier.ts";
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
import { type ImageInlet, type PackedPrompt, type PromptContent, packPrompt } from "./segments.ts";
import { readServerInfo, type ServerInfo, takesEmbeddings } from "./server-info.ts";
import { type ChatMessage, ServerTemplate, type TemplateOptions, type WrittenPrompt } from "./server-template.ts";

export interface ConnectOptions extends HttpOptions {
  /** The range that the server's carrier was written with (default 64). */
  readonly range?: number;
  /** A chat template in place of the server's own, or a file that holds one. */
  readonly chatTemplate?: string;
  /** Variables of the chat template, such as `{ enable_thinking: false }`. */
  readonly chatTemplateKwargs?: ChatTemplateKwargs;
  readonly signal?: AbortSignal;
}

const connectOptions = z.strictObject({
  ...httpOptions,
  range: option.number(RANGES, isRange),
  ...templateOptions,
  signal: option.signal,
});

/**
 * A llama-server that sees images.
 *
 * With a carrier's mmproj (`vqrae carrier`) images go to it as embeddings, of your own encoder and projector. With the
 * model's own mmproj they go as images, `{ image }`, which the server itself encodes. `info.takes` says which.
 *
 * In a conversation each prompt begins with the one before it, so the server's cache keeps what it has seen, images
 * too.
 */
export class LlamaServer {
  /** The model's name, the width of its embeddings, the size of a slot's context, and what its mmproj takes. */
  readonly info: ServerInfo;
  readonly #http: HttpClient;
  readonly #inlet: ImageInlet;
  readonly #openTemplate: (signal: AbortSignal | undefined) => Promise<ServerTemplate>;
  #template: ServerTemplate | undefined;

  private constructor(
    http: HttpClient,
    info: ServerInfo,
    inlet: ImageInlet,
    openTemplate: (signal: AbortSignal | undefined) => Promise<ServerTemplate>,
  ) {
    this.#http = http;
    this.info = info;
    this.#inlet = inlet;
    this.#openTemplate = openTemplate;
  }

  /**
   * @param url where the server listens, such as "http://127.0.0.1:8080"
   * @throws INVALID_ARGUMENT; SERVER_UNREACHABLE; UNSUPPORTED for a server without images; SERVER_ERROR where it answers
   *   with an error
   */
  static async connect(url: string | URL, options: ConnectOptions = {}): Promise<LlamaServer> {
    const parsed = parseOptions(connectOptions, options, "LlamaServer.connect");
    const { range = DEFAULT_RANGE, chatTemplate, chatTemplateKwargs, signal, ...rest } = parsed;
    const http = new HttpClient(url, rest, "llama-server -m model.gguf --mmproj mmproj.gguf");
    const props = await http.get("props", signal);
    const said = await readServerInfo(http, props, signal);
    const carrier = { embeddingDim: said.embeddingDim, range };
    checkCarrier(carrier);
    const isCarrier = await takesEmbeddings(http, said, carrier, signal);
    const info: ServerInfo = { ...said, takes: isCarrier ? "embeddings" : "images" };
    const inlet = { mediaMarker: info.mediaMarker, carrier: isCarrier ? carrier : null };
    const template: TemplateOptions = { chatTemplate, chatTemplateKwargs };
    return new LlamaServer(http, info, inlet, (ends) => ServerTemplate.open(http, props, template, ends));
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
    return yield* this.#stream({ ...(await packPrompt(prompt, this.#inlet)), answer: null }, options);
  }

  /**
   * The whole continuation of a prompt, with all of its ids; throws as `stream` does. An answer that takes longer than
   * five minutes needs `stream`: fetch waits no longer for an answer's beginning.
   */
  async complete(prompt: PromptContent, options: CompletionOptions = {}): Promise<Completion> {
    return this.#whole({ ...(await packPrompt(prompt, this.#inlet)), answer: null }, options);
  }

  /**
   * Answers a conversation in the model's own chat template, piece by piece; as `stream` otherwise. What a model thinks
   * before it answers is not part of the text. Its ids are among the tokens.
   * @param messages the whole conversation; the server does not evaluate again what it has seen before
   * @throws UNSUPPORTED for a template that cannot be rendered; as `stream`
   */
  async *streamChat(
    messages: readonly ChatMessage[],
    options: CompletionOptions = {},
  ): AsyncGenerator<CompletionPiece, Completion> {
    return yield* this.#stream(await this.#write(messages, options.signal), options);
  }

  /** The whole answer to a conversation, as `complete` gives it; throws as `streamChat` does. */
  async chat(messages: readonly ChatMessage[], options: CompletionOptions = {}): Promise<Completion> {
    return this.#whole(await this.#write(messages, options.signal), options);
  }

  async #write(messages: readonly ChatMessage[], signal: AbortSignal | undefined): Promise<WrittenPrompt> {
    this.#template ??= await this.#openTemplate(signal);
    return this.#template.write(messages, this.#inlet, signal);
  }

  async #whole(prompt: WrittenPrompt, options: CompletionOptions): Promise<Completion> {
    const body = { ...completionFields(options, false), prompt: this.#prompt(prompt) };
    const event = await this.#http.post("completion", body, options.signal);
    const { text, tokens } = pieceOf(event);
    const { answer } = prompt;
    return endOf(event, { text: answer === null ? text : answer.push(text) + answer.end(), tokens });
  }

  async *#stream(prompt: WrittenPrompt, options: CompletionOptions): AsyncGenerator<CompletionPiece, Completion> {
    const body = { ...completionFields(options, true), prompt: this.#prompt(prompt) };
    const { answer } = prompt;
    const controller = new LinkedAbortController(options.signal);
    const { signal } = controller;
    const all: number[] = [];
    let whole = "";
    try {
      for await (const event of this.#http.stream("completion", body, signal)) {
        const { text: said, tokens } = pieceOf(event);
        const ends = event.stop === true;
        const text = answer === null ? said : answer.push(said) + (ends ? answer.end() : "");
        whole += text;
        all.push(...tokens);
        if (text !== "" || tokens.length > 0) yield { text, tokens };
        if (ends) return endOf(event, { text: whole, tokens: all });
      }
      throw cutShort("POST /completion");
    } finally {
      controller.abort();
    }
  }

  #prompt({ text, images }: PackedPrompt): string | object {
    if (images.length === 0) return text;
    // The server aborts where nothing follows an image: GGML_ASSERT(batch.size() > 0), server-context.cpp.
    if (!text.endsWith(this.info.mediaMarker)) return { prompt_string: text, multimodal_data: images };
    const mend = "Add some: llama-server cannot go on from an image itself.";
    throw expectedBut("INVALID_ARGUMENT", "text after the last image", "the prompt", "an image at its end", mend);
  }
}
