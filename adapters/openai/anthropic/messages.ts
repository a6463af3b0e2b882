import { randomUUID } from "node:crypto";
import { leave } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmPart, VlmPiece } from "../../vision-language-model.ts";
import { checkCounts } from "../chat/check-counts.ts";
import { warnOfTools } from "../chat/warn-of-tools.ts";
import { parseLooseBody } from "../http/parse.ts";
import { typedEvents } from "../http/streams.ts";
import { rawImageOf } from "../images/image-source.ts";
import { type Call, defaultModel, type Route } from "../route.ts";
import { type MessagesRequest, messagesRequest, toOptions } from "./messages-request.ts";

/** POST /v1/messages, as Anthropic's clients send it. */
export const anthropicMessages =
  (models: ReadonlyMap<string, VisionLanguageModel>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(messagesRequest(call.limits), body, call.warn);
    warnOfTools("tools", request.tools, request.tool_choice?.type, call);
    const model = defaultModel(models, request.model);
    const messages = await toMessages(request, call);
    await call.turn();
    const options = toOptions(request, call);
    const head = {
      id: `msg_${randomUUID().replaceAll("-", "")}`,
      type: "message",
      role: "assistant",
      model: model.modelId,
    };
    const onEnd = (answer: VlmAnswer) => call.used({ model: model.modelId, ...answer });
    if (!request.stream) {
      const answer = await model.chat(messages, options);
      onEnd(answer);
      return {
        json: { ...head, content: [{ type: "text", text: answer.text }], ...endOf(answer), usage: usageOf(answer) },
      };
    }
    const pieces = model.streamChat(messages, options);
    // What fails before the first piece has a status of its own.
    const first = await pieces.next();
    return { events: events(head, first, pieces, onEnd), form: typedEvents };
  };

async function toMessages({ system, messages }: MessagesRequest, { images, limits }: Call): Promise<VlmMessage[]> {
  const contents = messages.map(({ content }) => content);
  checkCounts(contents, ({ type }) => (type === "image" ? 1 : 0), { param: "messages", limits });
  const all: VlmMessage[] = [];
  if (system !== undefined) {
    all.push({ role: "system", content: typeof system === "string" ? system : system.map(({ text }) => text) });
  }
  for (const [i, { role, content }] of messages.entries()) {
    const parts: VlmPart[] = [];
    for (const [j, block] of typeof content === "string" ? [] : content.entries()) {
      if (block.type === "text") parts.push(block.text);
      else if (block.type === "image") {
        const param = `messages[${i}].content[${j}].source.${block.source.field}`;
        parts.push({ image: await rawImageOf(block.source.data, param, images) });
      }
    }
    all.push({ role, content: typeof content === "string" ? content : parts });
  }
  return all;
}

const endOf = ({ finishReason }: VlmAnswer) => ({
  stop_reason: finishReason === "length" ? "max_tokens" : "end_turn",
  stop_sequence: null,
});

const usageOf = ({ promptTokens, answerTokens }: Pick<VlmAnswer, "promptTokens" | "answerTokens">) => ({
  input_tokens: promptTokens ?? 0,
  output_tokens: answerTokens ?? 0,
});

async function* events(
  head: object,
  first: IteratorResult<VlmPiece, VlmAnswer>,
  pieces: AsyncGenerator<VlmPiece, VlmAnswer>,
  onEnd: (answer: VlmAnswer) => void,
): AsyncGenerator<object> {
  const at = { index: 0 };
  const open = { content: [], stop_reason: null, stop_sequence: null };
  try {
    yield { type: "message_start", message: { ...head, ...open, usage: { input_tokens: 0, output_tokens: 0 } } };
    yield { type: "content_block_start", ...at, content_block: { type: "text", text: "" } };
    let next = first;
    for (; !next.done; next = await pieces.next()) {
      yield { type: "content_block_delta", ...at, delta: { type: "text_delta", text: next.value.text } };
    }
    onEnd(next.value);
    yield { type: "content_block_stop", ...at };
    yield { type: "message_delta", delta: endOf(next.value), usage: usageOf(next.value) };
    yield { type: "message_stop" };
  } finally {
    await leave(pieces);
  }
}
