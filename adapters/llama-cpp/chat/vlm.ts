import type { ChatHistoryItem, Llama, LlamaChatSession, LlamaContext, LlamaModel, Token } from "node-llama-cpp";
import type { ImageInput, VisionTokenizer } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { returnOf } from "../../async-generators.ts";
import { type BuiltPrompt, type PromptWriter, writePrompt } from "../../prompt/index.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions, VlmPiece } from "../../vision-language-model.ts";
import { JsonGrammars } from "../grammar/json-grammars.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import type { LlamaVision } from "../vision/vision.ts";
import { type AnswerOptions, DEFAULT_MAX_TOKENS, parseAnswerOptions, samplingOptions } from "./answer-options.ts";
import { chatHistory } from "./conversation.ts";
import { pushed } from "./pushed.ts";
import { requireContextRoom } from "./require-context-room.ts";
import { SequencePool } from "./sequence-pool.ts";
import type { TemplateWrapper } from "./template-wrapper.ts";

export interface AskOptions extends VlmOptions {
  /** Called with each piece of the answer as it comes. */
  readonly onText?: (text: string) => void;
}

interface VlmParts {
  readonly modelId: string;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly vision: LlamaVision;
  readonly tokenizer: VisionTokenizer;
  readonly writer: PromptWriter;
  readonly chatWrapper: TemplateWrapper;
}

const isList = (images: ImageInput | readonly ImageInput[]): images is readonly ImageInput[] => Array.isArray(images);

/** A vision language model in this process; `loadVlm` makes it. You may use its parts as you like. */
export class Vlm implements VisionLanguageModel {
  readonly specificationVersion = "v1";
  readonly modelId: string;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly vision: LlamaVision;
  readonly tokenizer: VisionTokenizer;
  readonly #writer: PromptWriter;
  readonly #chatWrapper: TemplateWrapper;
  readonly #sequences: SequencePool;
  readonly #grammars: JsonGrammars;
  readonly #closing = new AbortController();
  readonly #answers = new Set<Promise<VlmAnswer>>();
  readonly #release: readonly (() => Promise<void>)[];

  /** @internal */
  constructor(parts: VlmParts, release: readonly (() => Promise<void>)[]) {
    this.modelId = parts.modelId;
    this.llama = parts.llama;
    this.model = parts.model;
    this.context = parts.context;
    this.vision = parts.vision;
    this.tokenizer = parts.tokenizer;
    this.#writer = parts.writer;
    this.#chatWrapper = parts.chatWrapper;
    this.#sequences = new SequencePool(parts.context, parts.chatWrapper);
    this.#grammars = new JsonGrammars(parts.llama);
    this.#release = release;
  }

  /**
   * Answers a conversation, piece by piece. What a sequence of the context holds already is not decoded again. Where
   * all sequences are in use, the call waits. `maxTokens` is 512 by default. An answer of thoughts alone is empty.
   * @throws CONTEXT_OVERFLOW for a conversation longer than the context; INVALID_ARGUMENT; UNSUPPORTED for a keyword of
   *   `jsonSchema` that no grammar keeps to; as `LlamaVision.image`; DISPOSED; the signal's reason
   */
  async *streamChat(messages: readonly VlmMessage[], options: VlmOptions = {}): AsyncGenerator<VlmPiece, VlmAnswer> {
    const { signal: outer, ...parsed } = parseAnswerOptions(options);
    const ends = outer ? [outer, this.#closing.signal] : [this.#closing.signal];
    return yield* pushed<VlmPiece, VlmAnswer>((push, signal) => {
      const answer = this.#answer(messages, parsed, push, signal);
      this.#answers.add(answer);
      return answer.finally(() => this.#answers.delete(answer));
    }, AbortSignal.any(ends));
  }

  /** The whole answer to a conversation; throws as `streamChat` does. */
  async chat(messages: readonly VlmMessage[], options: VlmOptions = {}): Promise<VlmAnswer> {
    return returnOf(this.streamChat(messages, options));
  }

  /** One question about one image or several, without a history; throws as `streamChat` does. */
  async ask(images: ImageInput | readonly ImageInput[], question: string, options: AskOptions = {}): Promise<string> {
    const { onText, ...rest } = options;
    if (typeof question !== "string" || question.trim() === "") {
      throw expected("INVALID_ARGUMENT", "a question", "Vlm.ask", question);
    }
    const content = [...(isList(images) ? images : [images]).map((image) => ({ image })), question];
    let answer = "";
    for await (const { text } of this.streamChat([{ role: "user", content }], rest)) {
      answer += text;
      onText?.(text);
    }
    return answer;
  }

  /**
   * The ids and embeddings of a conversation's prompt, for whoever serves elsewhere. Where an embedding stands, the id
   * is -1.
   * @throws INVALID_ARGUMENT; as `Embedder.embed`; the signal's reason
   */
  buildPrompt(
    messages: readonly VlmMessage[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<BuiltPrompt> {
    return writePrompt(this.#writer, messages, { tokenizer: this.tokenizer, signal });
  }

  /**
   * Makes a session of node-llama-cpp. It takes one of the context's sequences; `session.sequence.dispose()` gives it
   * back.
   * @throws INVALID_ARGUMENT where all are taken
   */
  async createSession(systemPrompt = ""): Promise<LlamaChatSession> {
    const { LlamaChatSession } = await loadNodeLlamaCpp();
    const contextSequence = await this.#sequences.take();
    return new LlamaChatSession({ contextSequence, chatWrapper: this.#chatWrapper, systemPrompt });
  }

  /** Ends running answers, which reject with DISPOSED, and frees what the model holds. */
  async dispose(): Promise<void> {
    const mend = "Load it again.";
    const gone = expectedBut("DISPOSED", "a model that is in use", "an answer", "one after dispose()", mend);
    this.#closing.abort(gone);
    await Promise.allSettled(this.#answers);
    this.vision.dispose();
    for (const dispose of this.#release) await dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #answer(
    messages: readonly VlmMessage[],
    options: AnswerOptions,
    push: (piece: VlmPiece) => void,
    signal: AbortSignal,
  ): Promise<VlmAnswer> {
    signal.throwIfAborted();
    requireContextRoom(messages, options.stop ?? [], this.context.contextSize);
    const history = await chatHistory(messages, (picture) =>
      "video" in picture ? this.vision.video(picture.video, { signal }) : this.vision.image(picture.image, { signal }),
    );
    const grammar = options.jsonSchema && (await this.#grammars.grammar(options.jsonSchema, signal, options.onWarning));
    const tokens = await this.#tokenize(history, signal);
    const promptTokens = this.vision.cellsIn(tokens);
    const room = this.context.contextSize - 1 - promptTokens;
    if (room < 1) {
      const received = `one of ${promptTokens}`;
      const mend = "Leave out earlier messages, or load the model with a larger contextSize.";
      const what = `a conversation of at most ${this.context.contextSize - 2} tokens`;
      throw expectedBut("CONTEXT_OVERFLOW", what, `a context of ${this.context.contextSize}`, received, mend);
    }
    const maxTokens = Math.min(options.maxTokens ?? DEFAULT_MAX_TOKENS, room);
    const sampling = await samplingOptions(options, this.model, maxTokens);
    const lease = await this.#sequences.lease(tokens, signal);
    let text = "";
    // Callbacks get no tokens that end inside a character where the answer ends.
    const { tokenMeter } = lease.chat.sequence;
    const before = tokenMeter.usedOutputTokens;
    let thought = false;
    try {
      const { metadata } = await lease.chat.generateResponse(history, {
        ...sampling,
        ...(grammar && { grammar }),
        maxTokens,
        signal,
        onResponseChunk: (chunk) => {
          thought ||= chunk.type === "segment";
          if (chunk.type === "segment") return;
          // The space behind a thought belongs to neither.
          const own = thought && text === "" ? chunk.text.trimStart() : chunk.text;
          text += own;
          if (own !== "") push({ text: own });
        },
      });
      const finishReason = metadata.stopReason === "maxTokens" ? "length" : "stop";
      const answerTokens = tokenMeter.usedOutputTokens - before;
      return { text, finishReason, promptTokens, answerTokens };
    } finally {
      lease.release();
    }
  }

  /** The prompt as node-llama-cpp will decode it. */
  async #tokenize(history: readonly ChatHistoryItem[], signal: AbortSignal): Promise<Token[]> {
    const chatHistory: ChatHistoryItem[] = [...history, { type: "model", response: [] }];
    await this.#chatWrapper.prepare(chatHistory, signal);
    return this.#chatWrapper.generateContextState({ chatHistory }).contextText.tokenize(this.model.tokenizer);
  }
}
