import { randomUUID } from "node:crypto";
import { leave } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmPiece } from "../../vision-language-model.ts";
import { parseBody } from "../http/parse.ts";
import { now, type Route, requireModel } from "../route.ts";
import { type ChatRequest, chatRequest } from "./chat-request.ts";
import { toMessages, toOptions } from "./to-vlm.ts";

/** POST /v1/chat/completions */
export const chatCompletions =
  (models: ReadonlyMap<string, VisionLanguageModel>): Route =>
  async (body, call) => {
    const request = parseBody(chatRequest(call.limits), body);
    const model = requireModel(models, request.model);
    const messages = await toMessages(request, call);
    await call.turn();
    const options = toOptions(request, call.signal);
    const head = { id: `chatcmpl-${randomUUID()}`, created: now(), model: model.modelId };
    if (!request.stream) return { json: completion(head, await model.chat(messages, options)) };
    const pieces = model.streamChat(messages, options);
    // What fails before the first piece has a status of its own.
    const first = await pieces.next();
    return { events: chunks(head, request, first, pieces) };
  };

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

function completion(head: Head, answer: VlmAnswer) {
  const message = { role: "assistant", content: answer.text, refusal: null };
  const choice = { index: 0, message, finish_reason: answer.finishReason, logprobs: null };
  return { ...head, object: "chat.completion", choices: [choice], ...usageOf(answer) };
}

async function* chunks(
  head: Head,
  { stream_options: streamOptions }: ChatRequest,
  first: IteratorResult<VlmPiece, VlmAnswer>,
  pieces: AsyncGenerator<VlmPiece, VlmAnswer>,
): AsyncGenerator<object> {
  const chunk = (delta: object, reason: string | null = null) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: reason, logprobs: null }],
  });
  try {
    yield chunk({ role: "assistant", content: "" });
    let next = first;
    for (; !next.done; next = await pieces.next()) yield chunk({ content: next.value.text });
    yield chunk({}, next.value.finishReason);
    if (streamOptions?.include_usage) {
      yield { ...head, object: "chat.completion.chunk", choices: [], ...usageOf(next.value) };
    }
  } finally {
    await leave(pieces);
  }
}

/** Nothing where the model does not count. */
function usageOf({ promptTokens, answerTokens }: VlmAnswer) {
  if (promptTokens === null || answerTokens === null) return {};
  const total = promptTokens + answerTokens;
  return { usage: { prompt_tokens: promptTokens, completion_tokens: answerTokens, total_tokens: total } };
}
