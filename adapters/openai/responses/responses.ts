import { randomUUID } from "node:crypto";
import { leave } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmPiece } from "../../vision-language-model.ts";
import { warnOfTools } from "../chat/warn-of-tools.ts";
import { ApiError } from "../http/api-error.ts";
import { parseLooseBody } from "../http/parse.ts";
import { namedEvents } from "../http/streams.ts";
import { type Call, defaultModel, now, type Route } from "../route.ts";
import { endedResponse, messageItem, openResponse, type ResponseHead, textPart } from "./response-object.ts";
import { type ResponsesRequest, responsesRequest } from "./responses-request.ts";
import type { StoredResponses } from "./stored-responses.ts";
import { toConversation, toOptions } from "./to-conversation.ts";

/** POST /v1/responses */
export const responses =
  (models: ReadonlyMap<string, VisionLanguageModel>, stored: StoredResponses): Route =>
  async (body, call) => {
    const request = await parseLooseBody(responsesRequest(call.limits), body, call.warn);
    if (request.text?.verbosity !== undefined) call.warn("text.verbosity has no effect here.");
    checkTools(request, call);
    const model = defaultModel(models, request.model);
    const conversation = await toConversation(request, stored, call);
    await call.turn();
    const id = `resp_${hex()}`;
    const head = { id, itemId: `msg_${hex()}`, model: model.modelId, created: now(), request };
    const { instructions } = request;
    const messages =
      instructions === undefined ? conversation : [{ role: "system", content: instructions } as const, ...conversation];
    const onEnd = (answer: VlmAnswer) => {
      call.used({ model: model.modelId, ...answer });
      if (request.store === false) return;
      stored.add(id, head.itemId, [...conversation, { role: "assistant", content: answer.text }]);
    };
    const options = toOptions(request, call);
    if (!request.stream) {
      const answer = await model.chat(messages, options);
      onEnd(answer);
      return { json: endedResponse(head, answer) };
    }
    const pieces = model.streamChat(messages, options);
    // What fails before the first piece has a status of its own.
    const first = await pieces.next();
    return { events: numbered(events(head, first, pieces, onEnd)), form: namedEvents };
  };

const hex = (): string => randomUUID().replaceAll("-", "");

/** @throws ApiError 400 for a tool that must be called */
function checkTools({ tools, tool_choice: choice }: ResponsesRequest, call: Call): void {
  if (choice === "required" || typeof choice === "object") {
    const message = "Expected none or auto for tool_choice but received a tool: this model calls none.";
    throw new ApiError(400, message, { param: "tool_choice" });
  }
  warnOfTools("tools", tools, choice, call);
}

/** In the order of OpenAI's: the response, its item, the item's part, its text, and back. */
async function* events(
  head: ResponseHead,
  first: IteratorResult<VlmPiece, VlmAnswer>,
  pieces: AsyncGenerator<VlmPiece, VlmAnswer>,
  onEnd: (answer: VlmAnswer) => void,
): AsyncGenerator<object> {
  const at = { output_index: 0 };
  const inPart = { item_id: head.itemId, ...at, content_index: 0 };
  try {
    yield { type: "response.created", response: openResponse(head) };
    yield { type: "response.in_progress", response: openResponse(head) };
    yield { type: "response.output_item.added", ...at, item: messageItem(head, "in_progress", []) };
    yield { type: "response.content_part.added", ...inPart, part: textPart("") };
    let next = first;
    for (; !next.done; next = await pieces.next()) {
      yield { type: "response.output_text.delta", ...inPart, delta: next.value.text, logprobs: [] };
    }
    const { value: answer } = next;
    onEnd(answer);
    const response = endedResponse(head, answer);
    yield { type: "response.output_text.done", ...inPart, text: answer.text, logprobs: [] };
    yield { type: "response.content_part.done", ...inPart, part: textPart(answer.text) };
    yield { type: "response.output_item.done", ...at, item: response.output[0] };
    yield { type: `response.${response.status}`, response };
  } finally {
    await leave(pieces);
  }
}

async function* numbered(all: AsyncGenerator<object>): AsyncGenerator<object> {
  let count = 0;
  for await (const event of all) {
    yield { ...event, sequence_number: count };
    count += 1;
  }
}
