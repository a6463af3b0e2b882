import type { ImageInput, VideoInput } from "../sdk/index.ts";
import { expectedBut } from "../sdk/kit.ts";

/**
 * A model that answers questions about images, wherever it runs: in this process, behind llama-server, behind an
 * endpoint that speaks OpenAI's protocol. Benchmarks, servers and judges take this and nothing more.
 */
export interface VisionLanguageModel extends AsyncDisposable {
  readonly specificationVersion: "v1";
  /** Names the weights, such as "vqrae-tiny-vlm". Saved results are found again by it. */
  readonly modelId: string;
  /** Whether it takes `tools`; left out: no. */
  readonly callsTools?: boolean;
  /** Whether the option `templateVariables` may have a name, such as "enable_thinking"; left out: none. */
  takesTemplateVariable?(name: string): boolean;

  /**
   * Answers a conversation, piece by piece. The generator returns the whole answer. Leaving the loop ends the work.
   * @param messages the whole conversation, the last message the user's or a tool's. A model need not decode again what it has
   *   seen.
   */
  streamChat(messages: readonly VlmMessage[], options?: VlmOptions): AsyncGenerator<VlmPiece, VlmAnswer>;

  /** The whole answer to a conversation. */
  chat(messages: readonly VlmMessage[], options?: VlmOptions): Promise<VlmAnswer>;
}

export interface VlmMessage {
  /** "tool": what a tool that the assistant has called gave back; in the order of the calls where they have no ids. */
  readonly role: "system" | "user" | "assistant" | "tool";
  /** Text, or texts and images in the order in which the model sees them. */
  readonly content: string | readonly VlmPart[];
  /** Of an assistant's message. */
  readonly toolCalls?: readonly VlmToolCall[];
  /** Of a tool's message: the `id` of the call that it answers. */
  readonly toolCallId?: string;
}

export type TemplateVariables = Readonly<Record<string, string | number | boolean>>;

/** A function that the model may call. */
export interface VlmTool {
  readonly name: string;
  readonly description?: string;
  /** A JSON schema of an object (default: one without fields). */
  readonly parameters?: object;
}

export interface VlmToolCall {
  /** What results are found by. A model gives none: templates write none. */
  readonly id?: string;
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A string is always text. Only `{ image }` is an image, and `{ video }` the frames of one film. */
export type VlmPart = string | { readonly image: ImageInput } | { readonly video: VideoInput };

/** Sampling and limits of one answer. A model refuses what it cannot do with UNSUPPORTED, and never ignores it. */
export interface VlmOptions {
  /** Most tokens of the answer. */
  readonly maxTokens?: number;
  /** Default 0: always the likeliest token. */
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  /** Tokens less likely than this share of the likeliest one are left out. */
  readonly minP?: number;
  /** Divides the logits above 0, and multiplies those below, of tokens that the answer has already (1: no change). */
  readonly repeatPenalty?: number;
  /** Taken off the logits of tokens that the answer has already; OpenAI's. */
  readonly presencePenalty?: number;
  /** Taken off the logit of a token once for each time that the answer has it; OpenAI's. */
  readonly frequencyPenalty?: number;
  /** What is added to the logits of tokens, by their ids. */
  readonly logitBias?: Readonly<Record<number, number>>;
  readonly seed?: number;
  /**
   * Tells how likely each token of the answer was, and so many of the likeliest ones in its place (0: its own alone), where it was
   * drawn: behind temperature, penalties, bias and grammar.
   */
  readonly logprobs?: number;
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: readonly string[];
  /** The answer is JSON of this schema. */
  readonly jsonSchema?: object;
  /** Not together with `jsonSchema`. */
  readonly tools?: readonly VlmTool[];
  /** "auto" (default): the model answers or calls; "required": it calls; a name: it calls that one. */
  readonly toolChoice?: "auto" | "required" | { readonly name: string };
  /** Variables of the model's chat template, such as `{ enable_thinking: false }` of Qwen3. */
  readonly templateVariables?: TemplateVariables;
  /** Whether an answer may have several calls (default false: one), where the model's template writes several. */
  readonly parallelToolCalls?: boolean;
  /**
   * Called with each keyword of `jsonSchema` that the model cannot keep to, and does without: check the answer yourself.
   * Where it is left out, such a schema is UNSUPPORTED.
   */
  readonly onWarning?: (warning: string) => void;
  /** Ends the work; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface VlmPiece {
  readonly text: string;
  /** Of its tokens, where the option `logprobs` asks for them. */
  readonly logprobs?: readonly DrawnToken[];
}

export interface TokenLogprob {
  /** A token of a part of a character has U+FFFD in it. */
  readonly token: string;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
}

export interface DrawnToken extends TokenLogprob {
  /** The likeliest tokens in its place, the likeliest first. */
  readonly likeliest: readonly TokenLogprob[];
}

export interface VlmAnswer extends VlmPiece {
  /** "length": `maxTokens` or the context's end. */
  readonly finishReason: "stop" | "length";
  /** Left out where it calls none. What it has said before is `text`. */
  readonly toolCalls?: readonly VlmToolCall[];
  /** Tokens of the whole prompt, one for each image embedding; null where the server does not say. */
  readonly promptTokens: number | null;
  readonly answerTokens: number | null;
}

/** A JSON schema of any object. */
export const ANY_JSON_OBJECT = { type: "object", additionalProperties: true };

/** For a runtime that has no form for a video. */
export const noVideo = (runtime: string) =>
  expectedBut(
    "UNSUPPORTED",
    "texts and images",
    runtime,
    "a video",
    "Give its frames as images, or ask the model in process.",
  );

/** @throws UNSUPPORTED for tools, and messages of theirs, logprobs and variables of a template in a runtime that has none */
export function requirePlain(messages: readonly VlmMessage[], options: VlmOptions, runtime: string): void {
  const { tools } = options;
  for (const name of ["logprobs", "templateVariables"] as const) {
    if (options[name] === undefined) continue;
    throw expectedBut("UNSUPPORTED", `no ${name}`, runtime, name, "Ask the model in process.");
  }
  const isOfTools = ({ role, toolCalls }: VlmMessage) => role === "tool" || toolCalls !== undefined;
  if (tools === undefined && !messages.some(isOfTools)) return;
  throw expectedBut("UNSUPPORTED", "a conversation without tools", runtime, "tools", "Ask the model in process.");
}
