import type { ChatHistoryItem, Llama, LlamaChatSession, LlamaContext, LlamaModel, Token } from "node-llama-cpp";
import type { Embedder, ImageInput, VisionTokenizer } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { pushed, returnOf } from "../../async-generators.ts";
import { ownWords } from "../../own-words.ts";
import { type BuiltPrompt, type PromptWriter, writePrompt } from "../../prompt/index.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions, VlmPiece } from "../../vision-language-model.ts";
import { JsonGrammars } from "../grammar/json-grammars.ts";
import { loadNodeLlamaCpp } from "../native/node-llama-cpp.ts";
import type { LlamaVision } from "../vision/vision.ts";
import { type AnswerOptions, DEFAULT_MAX_TOKENS, parseAnswerOptions, samplingOptions } from "./answer-options.ts";
import { chatHistory } from "./conversation.ts";
import { type Generation, generateText } from "./generate-text.ts";
import { requireContextRoom } from "./require-context-room.ts";
import { SequencePool } from "./sequence-pool.ts";
import type { TemplateWrapper } from "./template-wrapper.ts";
import { type CallPlan, callPlan, callTriggers, holdingSpace, isCallTrigger, readCalls } from "./tool-calls.ts";

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
  /** What the vision takes of the tokenizer: embeddings, or ids as the language model's own tokens. */
  readonly embedder: Embedder;
  /** What a conversation begins with that has no message of the system's; null for what the template says. */
  readonly systemMessage: string | null;
  readonly writer: PromptWriter;
  readonly chatWrapper: TemplateWrapper;
  readonly deterministic: boolean;
}

const isList = (images: ImageInput | readonly ImageInput[]): images is readonly ImageInput[] => Array.isArray(images);

/** A vision language model in this process; `loadVlm` makes it. You may use its parts as you like. */
export class Vlm implements VisionLanguageModel {
  readonly specificationVersion = "v1";
  readonly modelId: string;
  /** What the model knows, as its GGUF file says it (`general.description`); null where it says nothing. */
  readonly description: string | null;
  /** The weights' licence as the GGUF file states it (`general.license.name` or `general.license`); null where it states none. */
  readonly licence: string | null;
  /** Whether the model's template calls tools, in a form that a grammar can keep. */
  readonly callsTools: boolean;
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly vision: LlamaVision;
  readonly tokenizer: VisionTokenizer;
  readonly #embedder: Embedder;
  readonly #systemMessage: string | null;
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
    const { general } = parts.model.fileInfo.metadata;
    const { description, licence } = ownWords((key) => general[key]);
    this.description = description;
    this.licence = licence;
    this.callsTools = parts.writer.template.toolForm !== null;
    this.llama = parts.llama;
    this.model = parts.model;
    this.context = parts.context;
    this.vision = parts.vision;
    this.tokenizer = parts.tokenizer;
    this.#embedder = parts.embedder;
    this.#systemMessage = parts.systemMessage;
    this.#writer = parts.writer;
    this.#chatWrapper = parts.chatWrapper;
    this.#sequences = new SequencePool(parts.context, parts.chatWrapper, parts.deterministic);
    this.#grammars = new JsonGrammars(parts.llama);
    this.#release = release;
  }

  /**
   * Answers a conversation, piece by piece. What a sequence of the context holds already is not decoded again, unless the model was
   * loaded with `deterministic`. Where all sequences are in use, the call waits. `maxTokens` is 512 by default. An answer of thoughts alone is empty. With
   * `tools` an answer has at most one call, or as many as `parallelToolCalls` allows; they come with the whole answer.
   * @throws CONTEXT_OVERFLOW for a conversation longer than the context; INVALID_ARGUMENT; UNSUPPORTED for a keyword of
   *   `jsonSchema` that no grammar keeps to, and for tools where `callsTools` is false; as `LlamaVision.image`; DISPOSED; the signal's reason
   */
  async *streamChat(messages: readonly VlmMessage[], options: VlmOptions = {}): AsyncGenerator<VlmPiece, VlmAnswer> {
    const { signal: outer, ...parsed } = parseAnswerOptions(options);
    return yield* pushed<VlmPiece, VlmAnswer>(
      (push, signal) => {
        const answer = this.#answer(messages, parsed, push, signal);
        this.#answers.add(answer);
        return answer.finally(() => this.#answers.delete(answer));
      },
      outer,
      this.#closing.signal,
    );
  }

  /** Whether the model's chat template reads a variable, such as "enable_thinking". */
  takesTemplateVariable(name: string): boolean {
    return this.#writer.template.takesVariable(name);
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
    return writePrompt(this.#writer, this.#withSystem(messages), { tokenizer: this.#embedder, signal });
  }

  /**
   * Makes a session of node-llama-cpp. It takes one of the context's sequences; `session.sequence.dispose()` gives it
   * back.
   * @throws INVALID_ARGUMENT where all are taken
   */
  async createSession(systemPrompt = this.#systemMessage ?? ""): Promise<LlamaChatSession> {
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

  #withSystem(messages: readonly VlmMessage[]): readonly VlmMessage[] {
    const content = this.#systemMessage;
    if (content === null || !Array.isArray(messages) || messages[0]?.role === "system") return messages;
    return [{ role: "system", content }, ...messages];
  }

  async #answer(
    given: readonly VlmMessage[],
    options: AnswerOptions,
    push: (piece: VlmPiece) => void,
    signal: AbortSignal,
  ): Promise<VlmAnswer> {
    signal.throwIfAborted();
    const messages = this.#withSystem(given);
    requireContextRoom(messages, options, this.context.contextSize);
    const plan = callPlan(options, this.#writer.template.toolForm, this.modelId);
    const first = this.#firstFields(options);
    const history = await chatHistory(messages, first, (picture) =>
      "video" in picture ? this.vision.video(picture.video, { signal }) : this.vision.image(picture.image, { signal }),
    );
    const { jsonSchema, onWarning } = options;
    const grammar = jsonSchema && (await this.#grammars.grammar(jsonSchema, signal, onWarning));
    const tokens = await this.#tokenize(history, signal);
    const calls = plan && (await this.#callGrammar(plan, history, signal, onWarning));
    const promptTokens = this.vision.cellsIn(tokens);
    const room = this.context.contextSize - 1 - promptTokens;
    if (room < 1) {
      const received = `one of ${promptTokens}`;
      const mend = "Leave out earlier messages, or load the model with a larger contextSize.";
      const what = `a conversation of at most ${this.context.contextSize - 2} tokens`;
      throw expectedBut("CONTEXT_OVERFLOW", what, `a context of ${this.context.contextSize}`, received, mend);
    }
    const maxTokens = Math.min(options.maxTokens ?? DEFAULT_MAX_TOKENS, room);
    const lease = await this.#sequences.lease(tokens, signal);
    const generate = async (most: number, { stops, ...rest }: Generation) => {
      const sampling = await samplingOptions(options, this.model, most, stops);
      const { logprobs } = options;
      return generateText(lease.chat, history, { sampling, ...rest, logprobs, maxTokens: most, signal });
    };
    try {
      if (plan === null) {
        const { stoppedBy: _, ...answer } = await generate(maxTokens, { grammar, push });
        return { ...answer, promptTokens };
      }
      // A model that begins a call has decided to. The call itself is drawn again, by a grammar.
      const stops = await callTriggers(plan.form, this.#writer.vocabulary);
      const held = holdingSpace(push);
      const said = plan.isFree ? await generate(maxTokens, { stops, push: held.push }) : null;
      if (said !== null && !isCallTrigger(said.stoppedBy, plan.form, this.#writer.vocabulary)) {
        held.end();
        const { stoppedBy: _, ...answer } = said;
        return { ...answer, promptTokens };
      }
      const left = Math.max(1, maxTokens - (said?.answerTokens ?? 0));
      const { text, ...written } = await generate(left, { grammar: calls ?? undefined });
      const toolCalls = readCalls(text, plan.form);
      const answerTokens = (said?.answerTokens ?? 0) + written.answerTokens;
      const answer = { text: said?.text.trimEnd() ?? "", promptTokens, answerTokens };
      const { logprobs } = said ?? {};
      const whole = { ...answer, finishReason: written.finishReason, ...(logprobs && { logprobs }) };
      return toolCalls.length === 0 ? { ...whole, finishReason: "length" } : { ...whole, toolCalls };
    } finally {
      lease.release();
    }
  }

  /** What the template wants to know beside the messages. @throws UNSUPPORTED for a variable that it does not read */
  #firstFields({ tools, templateVariables: kwargs }: AnswerOptions) {
    const other = Object.keys(kwargs ?? {}).find((name) => !this.takesTemplateVariable(name));
    if (other === undefined) return { ...(tools && { tools }), ...(kwargs && { kwargs }) };
    throw expectedBut("UNSUPPORTED", "variables of the chat template", this.modelId, `${JSON.stringify(other)}`);
  }

  /** A call ends a thought that the prompt leaves open. */
  #callGrammar(
    { schema, form }: CallPlan,
    history: readonly ChatHistoryItem[],
    signal: AbortSignal,
    onWarning: VlmOptions["onWarning"],
  ) {
    const end = this.#chatWrapper.openThoughtEnd(history);
    const frame = end === null ? form : { ...form, prefix: `${end}\n\n${form.prefix}` };
    return this.#grammars.grammar(schema, signal, onWarning, frame);
  }

  /** The prompt as node-llama-cpp will decode it. */
  async #tokenize(history: readonly ChatHistoryItem[], signal: AbortSignal): Promise<Token[]> {
    const chatHistory: ChatHistoryItem[] = [...history, { type: "model", response: [] }];
    await this.#chatWrapper.prepare(chatHistory, signal);
    return this.#chatWrapper.generateContextState({ chatHistory }).contextText.tokenize(this.model.tokenizer);
  }
}
