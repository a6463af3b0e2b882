import type { Embedder, ImageInput } from "../../../sdk/index.ts";
import { leave } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions, VlmPiece } from "../../vision-language-model.ts";
import type { Completion, CompletionOptions } from "./completion.ts";
import type { ChatMessage, LlamaServer } from "./llama-server.ts";

/**
 * A llama-server with a carrier and the tokenizer whose projector belongs to its model, as one model that sees images.
 * You dispose both yourself.
 */
export function serverModel(server: LlamaServer, tokenizer: Embedder): VisionLanguageModel {
  async function packed(messages: readonly VlmMessage[], signal: AbortSignal | undefined): Promise<ChatMessage[]> {
    const embed = (image: ImageInput) => tokenizer.embed(image, signal ? { signal } : {});
    return Promise.all(
      messages.map(async ({ role, content }) => ({
        role,
        content:
          typeof content === "string"
            ? content
            : await Promise.all(content.map((part) => (typeof part === "string" ? part : embed(part.image)))),
      })),
    );
  }
  return {
    specificationVersion: "v1",
    modelId: server.info.model,
    async *streamChat(messages, options = {}): AsyncGenerator<VlmPiece, VlmAnswer> {
      const pieces = server.streamChat(await packed(messages, options.signal), completionOptions(options));
      return answerOf(yield* texts(pieces));
    },
    async chat(messages, options = {}) {
      return answerOf(await server.chat(await packed(messages, options.signal), completionOptions(options)));
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
const completionOptions = (options: VlmOptions): CompletionOptions => ({ temperature: 0, ...options });

const answerOf = ({ text, tokens, stopReason, promptTokens }: Completion): VlmAnswer => ({
  text,
  finishReason: stopReason === "limit" ? "length" : "stop",
  promptTokens,
  answerTokens: tokens.length,
});
