import type { VlmAnswer } from "../../vision-language-model.ts";
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
    parallel_tool_calls: false,
    previous_response_id: request.previous_response_id ?? null,
    store: request.store ?? true,
    temperature: request.temperature ?? 0,
    text: { format: request.text?.format ?? { type: "text" } },
    tool_choice: request.tool_choice ?? "auto",
    tools: request.tools ?? [],
    top_p: request.top_p ?? 1,
    truncation: "disabled",
    usage: null as object | null,
  };
}

/** The same with the answer. */
export function endedResponse(head: ResponseHead, answer: VlmAnswer) {
  const whole = answer.finishReason === "stop";
  const status = whole ? "completed" : "incomplete";
  return {
    ...openResponse(head),
    status,
    incomplete_details: whole ? null : { reason: "max_output_tokens" },
    output: [messageItem(head, status, [textPart(answer.text)])],
    usage: usageOf(answer),
  };
}

/** The one output item that an answer is. */
export const messageItem = ({ itemId }: ResponseHead, status: string, content: readonly object[]) => ({
  type: "message",
  id: itemId,
  status,
  role: "assistant",
  content,
});

export const textPart = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });

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
