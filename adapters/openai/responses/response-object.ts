import type { VlmAnswer, VlmMessage, VlmPiece } from "../../vision-language-model.ts";
import { logprobObjects } from "../chat/logprobs.ts";
import { withIds } from "../chat/tools.ts";
import type { ImageItem } from "./image-tool.ts";
import type { ResponsesRequest } from "./responses-request.ts";

/** What does not change while a response is made. */
export interface ResponseHead {
  readonly id: string;
  readonly itemId: string;
  readonly model: string;
  readonly created: number;
  readonly request: ResponsesRequest;
}

/** OpenAI's response object before its answer is there. */
export function openResponse({ id, model, created, request }: ResponseHead) {
  return {
    id,
    object: "response",
    created_at: created,
    status: "in_progress",
    error: null,
    incomplete_details: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    model,
    output: [] as readonly object[],
    parallel_tool_calls: request.parallel_tool_calls ?? false,
    previous_response_id: request.previous_response_id ?? null,
    store: request.store ?? true,
    temperature: request.temperature ?? 0,
    text: { format: request.text?.format ?? { type: "text" } },
    tool_choice: request.tool_choice ?? "auto",
    tools: request.tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? 1,
    truncation: "disabled",
    usage: null as object | null,
  };
}

/** The same with the answer. @param output what it is, and what is drawn */
export function endedResponse(head: ResponseHead, answer: VlmAnswer, output: readonly OutputItem[]) {
  const whole = answer.finishReason === "stop";
  return {
    ...openResponse(head),
    status: statusOf(answer),
    incomplete_details: whole ? null : { reason: "max_output_tokens" },
    output,
    usage: usageOf(answer),
  };
}

const statusOf = ({ finishReason }: VlmAnswer) => (finishReason === "stop" ? "completed" : "incomplete");

type MessageItem = ReturnType<typeof messageItem>;
export type CallItem = ReturnType<typeof callItem>;

export type OutputItem = MessageItem | CallItem | ImageItem;

/** The output items that an answer is: what it says, and what it calls. @param draws whether a picture follows */
export function outputOf(head: ResponseHead, answer: VlmAnswer, draws = false): (MessageItem | CallItem)[] {
  const { text, toolCalls } = answer;
  const calls = withIds(toolCalls).map(callItem);
  if (text === "" && (calls.length > 0 || draws)) return calls;
  return [messageItem(head, statusOf(answer), [textPart(answer)]), ...calls];
}

/** What an output item says, as a conversation has it. */
export function messageOf(item: OutputItem): VlmMessage {
  // No template takes a picture in an answer.
  if (item.type === "image_generation_call") return { role: "assistant", content: "" };
  if (item.type === "message") return { role: "assistant", content: item.content.map(({ text }) => text).join("") };
  const { call_id: id, name } = item;
  return { role: "assistant", content: "", toolCalls: [{ id, name, arguments: JSON.parse(item.arguments) }] };
}

const callItem = ({ id, name, arguments: values }: ReturnType<typeof withIds>[number]) => ({
  type: "function_call" as const,
  id: id.replace("call_", "fc_"),
  call_id: id,
  name,
  arguments: JSON.stringify(values),
  status: "completed",
});

export const messageItem = ({ itemId }: ResponseHead, status: string, content: readonly Text[]) => ({
  type: "message" as const,
  id: itemId,
  status,
  role: "assistant",
  content,
});

type Text = ReturnType<typeof textPart>;
export const textPart = ({ text, logprobs = [] }: VlmPiece) => ({
  type: "output_text",
  text,
  annotations: [],
  logprobs: logprobObjects(logprobs),
});

/** null where the model does not count. */
function usageOf({ promptTokens, answerTokens }: VlmAnswer): object | null {
  if (promptTokens === null || answerTokens === null) return null;
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: answerTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + answerTokens,
  };
}
