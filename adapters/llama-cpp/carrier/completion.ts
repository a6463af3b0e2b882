import { expectedBut, isObject, setFields } from "../../../sdk/kit.ts";

/** Sampling and limits of one completion. The server has a default for each. */
export interface CompletionOptions {
  readonly maxTokens?: number;
  /** 0 takes the likeliest token each time. */
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repeatPenalty?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Added to the logits of tokens, by their ids. */
  readonly logitBias?: Readonly<Record<number, number>>;
  readonly seed?: number;
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: readonly string[];
  /** GBNF. */
  readonly grammar?: string;
  readonly jsonSchema?: object;
  /** Evaluate only what differs from the slot's last prompt, images included (default true). */
  readonly cachePrompt?: boolean;
  /** The server's slot, to keep conversations apart; by default it picks the one with the longest common prefix. */
  readonly slot?: number;
  /** Any other field of llama-server's POST /completion. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Ends the request, and with it the server's work. */
  readonly signal?: AbortSignal;
}

/** A piece of an answer. */
export interface CompletionPiece {
  readonly text: string;
  /** Their ids, but for tokens that end inside a character: llama-server streams the last one of such a character alone. */
  readonly tokens: readonly number[];
}

export interface Completion {
  readonly text: string;
  /** All ids of `complete` and `chat`; of a stream those of its pieces, which may be fewer than `answerTokens`. */
  readonly tokens: readonly number[];
  /** How many tokens the answer has, with the one that ends it. */
  readonly answerTokens: number;
  /** "limit": `maxTokens` or the context's end; "word": one of `stop`. */
  readonly stopReason: "eos" | "limit" | "word" | "none";
  /** Tokens of the whole prompt, one for each embedding. */
  readonly promptTokens: number;
  /** How many of them the slot's cache held already. */
  readonly cachedTokens: number;
}

/** The fields of POST /completion, with token ids. */
export function completionFields(
  { extra, signal: _, ...options }: CompletionOptions,
  stream: boolean,
): Record<string, unknown> {
  const named: Record<string, unknown> = {
    n_predict: options.maxTokens,
    temperature: options.temperature,
    top_k: options.topK,
    top_p: options.topP,
    min_p: options.minP,
    repeat_penalty: options.repeatPenalty,
    presence_penalty: options.presencePenalty,
    frequency_penalty: options.frequencyPenalty,
    logit_bias:
      options.logitBias && Object.entries(options.logitBias).map(([id, bias]): [number, number] => [Number(id), bias]),
    seed: options.seed,
    stop: options.stop,
    grammar: options.grammar,
    json_schema: options.jsonSchema,
    cache_prompt: options.cachePrompt ?? true,
    id_slot: options.slot,
  };
  return { ...extra, ...setFields(named), stream, return_tokens: true };
}

type Json = Readonly<Record<string, unknown>>;
const reasons: Readonly<Record<string, Completion["stopReason"]>> = { eos: "eos", limit: "limit", word: "word" };

export const pieceOf = (event: Json): CompletionPiece => ({
  text: typeof event.content === "string" ? event.content : "",
  tokens: Array.isArray(event.tokens) ? event.tokens : [],
});

/** What the last event of a stream, or the answer without one, says of the whole. */
export function endOf(event: Json, { text, tokens }: CompletionPiece): Completion {
  const timings = isObject(event.timings) ? event.timings : {};
  return {
    text,
    tokens,
    answerTokens: Number(event.tokens_predicted ?? tokens.length),
    stopReason: reasons[String(event.stop_type)] ?? "none",
    promptTokens: Number(event.tokens_evaluated ?? 0),
    cachedTokens: Number(timings.cache_n ?? 0),
  };
}

export const cutShort = (address: string) =>
  expectedBut("SERVER_ERROR", "an answer that ends", address, "a stream that broke off", "See the server's log.");
