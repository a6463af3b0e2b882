import { randomUUID } from "node:crypto";
import { leave } from "../../async-generators.ts";
import type {
  VisionLanguageModel,
  VlmAnswer,
  VlmMessage,
  VlmPart,
  VlmPiece,
  VlmToolCall,
} from "../../vision-language-model.ts";
import { checkCounts } from "../chat/check-counts.ts";
import { toTemplateVariables } from "../chat/template-variables.ts";
import { requireTools, toTools, withIds } from "../chat/tools.ts";
import { parseLooseBody } from "../http/parse.ts";
import { typedEvents } from "../http/streams.ts";
import { rawImageOf } from "../images/image-source.ts";
import { type Call, defaultModel, type Route } from "../route.ts";
import { clientTool, type MessagesRequest, messagesRequest, toOptions } from "./messages-request.ts";

/** POST /v1/messages, as Anthropic's clients send it. */
export const anthropicMessages =
  (models: ReadonlyMap<string, VisionLanguageModel>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(messagesRequest(call.limits), body, call.warn);
    const model = defaultModel(models, request.model);
    const tools = toTools({ tools: request.tools, ...request.tool_choice, form: clientTool }, model, call);
    const { thinking } = request;
    const thinks = { field: "thinking", name: "enable_thinking", value: thinking && thinking.type !== "disabled" };
    const variables = toTemplateVariables([thinks], model, call);
    const messages = await toMessages(request, model, call);
    await call.turn();
    const options = { ...toOptions(request, call), ...tools, ...variables };
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
      return { json: { ...head, content: contentOf(answer), ...endOf(answer), usage: usageOf(answer) } };
    }
    const pieces = model.streamChat(messages, options);
    // What fails before the first piece has a status of its own.
    const first = await pieces.next();
    return { events: events(head, first, pieces, onEnd), form: typedEvents };
  };

async function toMessages(
  { system, messages }: MessagesRequest,
  model: VisionLanguageModel,
  { images, limits }: Call,
): Promise<VlmMessage[]> {
  const contents = messages.map(({ content }) => content);
  checkCounts(contents, ({ type }) => (type === "image" ? 1 : 0), { param: "messages", limits });
  const all: VlmMessage[] = [];
  if (system !== undefined) {
    all.push({ role: "system", content: typeof system === "string" ? system : system.map(({ text }) => text) });
  }
  for (const [i, { role, content }] of messages.entries()) {
    if (typeof content === "string") {
      all.push({ role, content });
      continue;
    }
    const parts: VlmPart[] = [];
    const toolCalls: VlmToolCall[] = [];
    for (const [j, block] of content.entries()) {
      if (block.type === "tool_use" || block.type === "tool_result") {
        requireTools(model, `messages[${i}].content[${j}].type`);
      }
      if (block.type === "tool_use") toolCalls.push({ id: block.id, name: block.name, arguments: block.input });
      else if (block.type === "tool_result") all.push(toResult(block));
      else if (block.type === "text") parts.push(block.text);
      else if (block.type === "image") {
        const param = `messages[${i}].content[${j}].source.${block.source.field}`;
        parts.push({ image: await rawImageOf(block.source.data, param, images) });
      }
    }
    // A user's message of results alone is these.
    if (parts.length > 0 || content.every(({ type }) => type !== "tool_result")) {
      all.push({ role, content: parts, ...(toolCalls.length > 0 && { toolCalls }) });
    }
  }
  return all;
}

const toResult = ({ tool_use_id: toolCallId, content }: Extract<Block, { type: "tool_result" }>): VlmMessage => ({
  role: "tool",
  content: typeof content === "string" ? content : content.map(({ text }) => text),
  toolCallId,
});
type Block = Exclude<MessagesRequest["messages"][number]["content"], string>[number];

/** What an answer says, and what it calls. */
function contentOf({ text, toolCalls }: VlmAnswer) {
  const uses = withIds(toolCalls, "toolu_").map(({ id, name, arguments: input }) => ({
    type: "tool_use" as const,
    id,
    name,
    input,
  }));
  return text === "" && uses.length > 0 ? uses : [{ type: "text" as const, text }, ...uses];
}

const stopReason = ({ finishReason, toolCalls }: VlmAnswer): string => {
  if (toolCalls !== undefined) return "tool_use";
  return finishReason === "length" ? "max_tokens" : "end_turn";
};

const endOf = (answer: VlmAnswer) => ({
  stop_reason: stopReason(answer),
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
  const text = { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
  const open = { content: [], stop_reason: null, stop_sequence: null };
  try {
    yield { type: "message_start", message: { ...head, ...open, usage: { input_tokens: 0, output_tokens: 0 } } };
    let next = first;
    if (!next.done) yield text;
    for (; !next.done; next = await pieces.next()) {
      yield { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: next.value.text } };
    }
    onEnd(next.value);
    for (const [index, block] of contentOf(next.value).entries()) {
      if (block.type === "tool_use") {
        const delta = { type: "input_json_delta", partial_json: JSON.stringify(block.input) };
        yield { type: "content_block_start", index, content_block: { ...block, input: {} } };
        yield { type: "content_block_delta", index, delta };
      } else if (first.done) yield text; // An answer without a piece is an empty text.
      yield { type: "content_block_stop", index };
    }
    yield { type: "message_delta", delta: endOf(next.value), usage: usageOf(next.value) };
    yield { type: "message_stop" };
  } finally {
    await leave(pieces);
  }
}
