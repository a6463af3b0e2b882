import type { Embedder } from "../../../sdk/index.ts";
import { expectedBut } from "../../../sdk/kit.ts";
import { leave, returnOf } from "../../async-generators.ts";
import {
  noVideo,
  requirePlain,
  type VisionLanguageModel,
  type VlmAnswer,
  type VlmMessage,
  type VlmOptions,
  type VlmPart,
  type VlmPiece,
} from "../../vision-language-model.ts";
import type { Completion, CompletionOptions } from "./completion.ts";
import type { LlamaServer } from "./llama-server.ts";
import type { ChatMessage } from "./server-template.ts";

/**
 * A llama-server as one model that sees images: one with the model's own mmproj alone, one with a carrier together with
 * the tokenizer whose projector belongs to its model. You dispose both yourself.
 * @throws INVALID_ARGUMENT for a carrier without a tokenizer
 */
export function serverModel(server: LlamaServer, tokenizer?: Embedder): VisionLanguageModel {
  if (server.info.takes === "embeddings" && tokenizer === undefined) {
    const mend = "Pass the tokenizer whose projector belongs to the server's model.";
    throw expectedBut("INVALID_ARGUMENT", "a tokenizer", "a server with a pixel carrier", "none", mend);
  }
  const embedder = server.info.takes === "embeddings" ? tokenizer : undefined;

  async function packed(messages: readonly VlmMessage[], signal: AbortSignal | undefined): Promise<ChatMessage[]> {
    const packedPart = async (part: VlmPart) => {
      if (typeof part === "string") return part;
      if ("video" in part) throw noVideo("llama-server");
      return embedder === undefined ? part : embedder.embed(part.image, signal ? { signal } : {});
    };
    return Promise.all(
      messages.map(async ({ role, content }) => ({
        role,
        content: typeof content === "string" ? content : await Promise.all(content.map(packedPart)),
      })),
    );
  }
  return {
    specificationVersion: "v1",
    modelId: server.info.model,
    async *streamChat(messages, options = {}): AsyncGenerator<VlmPiece, VlmAnswer> {
      requirePlain(messages, options, "llama-server");
      const pieces = server.streamChat(await packed(messages, options.signal), completionOptions(options));
      return answerOf(yield* texts(pieces));
    },
    // Not `server.chat`, which has all ids and a limit of time.
    async chat(messages, options = {}) {
      return returnOf(this.streamChat(messages, options));
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function* texts(pieces: ReturnType<LlamaServer["streamChat"]>): AsyncGenerator<VlmPiece, Completion> {
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) return value;
      if (value.text !== "") yield { text: value.text };
    }
  } finally {
    await leave(pieces);
  }
}

/**
 * The names are the same. An option that is left out is not sent, but the contract's default is the likeliest token.
 */
const completionOptions = ({ onWarning: _, ...options }: VlmOptions): CompletionOptions => ({
  temperature: 0,
  ...options,
});

const answerOf = ({ text, answerTokens, stopReason, promptTokens }: Completion): VlmAnswer => ({
  text,
  finishReason: stopReason === "limit" ? "length" : "stop",
  promptTokens,
  answerTokens,
});
