import type {
  ChatHistoryItem,
  LlamaChat,
  LlamaChatResponseChunk,
  LlamaGrammar,
  LlamaText,
  Token,
} from "node-llama-cpp";
import type { DrawnToken, VlmAnswer, VlmPiece } from "../../vision-language-model.ts";
import type { samplingOptions } from "./answer-options.ts";
import { watchDrawn } from "./drawn-tokens.ts";

/** What a part of an answer is generated with, beside the sampling. */
export interface Generation {
  readonly grammar?: LlamaGrammar | undefined;
  /** Texts that end it, which are no part of it. */
  readonly stops?: readonly (LlamaText | string)[];
  readonly push?: (piece: VlmPiece) => void;
}

interface Options extends Omit<Generation, "stops"> {
  /** The option `logprobs`. */
  readonly logprobs: number | undefined;
  readonly sampling: Awaited<ReturnType<typeof samplingOptions>>;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
}

export interface Generated extends Pick<VlmAnswer, "text" | "finishReason" | "logprobs"> {
  readonly answerTokens: number;
  /** Which of the texts has ended it. */
  readonly stoppedBy: readonly (string | Token)[] | null;
}

/** Goes on with a history in a chat's own sequence. */
export async function generateText(
  chat: LlamaChat,
  history: readonly ChatHistoryItem[],
  { sampling, grammar, logprobs, push = () => {}, ...limits }: Options,
): Promise<Generated> {
  let text = "";
  // Callbacks get no tokens that end inside a character where the answer ends.
  const { tokenMeter } = chat.sequence;
  const before = tokenMeter.usedOutputTokens;
  let thought = false;
  const drawn = logprobs === undefined ? null : watchDrawn(chat.sequence, chat.model, logprobs);
  const all: DrawnToken[] = [];
  /** Those that the pieces have. */
  let told = 0;
  const options = {
    ...sampling,
    ...limits,
    ...(grammar && { grammar }),
    onResponseChunk: (chunk: LlamaChatResponseChunk) => {
      thought ||= chunk.type === "segment";
      if (chunk.type === "segment") return;
      // The space behind a thought belongs to neither.
      const own = thought && text === "" ? chunk.text.trimStart() : chunk.text;
      text += own;
      all.push(...(drawn?.take(chunk.tokens) ?? []));
      if (own === "") return;
      push({ text: own, ...(drawn && { logprobs: all.slice(told) }) });
      told = all.length;
    },
  };
  const { metadata } = await chat.generateResponse([...history], options).finally(() => drawn?.end());
  drawn?.requireSeen(tokenMeter.usedOutputTokens - before);
  return {
    text,
    ...(drawn && { logprobs: all }),
    finishReason: metadata.stopReason === "maxTokens" ? "length" : "stop",
    answerTokens: tokenMeter.usedOutputTokens - before,
    stoppedBy: metadata.stopReason === "customStopTrigger" ? metadata.customStopTrigger : null,
  };
}
