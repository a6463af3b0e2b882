import { randomUUID } from "node:crypto";
import type { ToolChoice } from "../../asked-tools.ts";
import { leave } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmPiece } from "../../vision-language-model.ts";
import { toTools } from "../chat/tools.ts";
import { parseLooseBody } from "../http/parse.ts";
import { namedEvents } from "../http/streams.ts";
import { defaultModel, now, type Route } from "../route.ts";
import {
  type CallItem,
  endedResponse,
  messageItem,
  messageOf,
  openResponse,
  type ResponseHead,
  textPart,
} from "./response-object.ts";
import { functionTool, type ResponsesRequest, responsesRequest } from "./responses-request.ts";
import type { StoredResponses } from "./stored-responses.ts";
import { appended, toConversation, toOptions } from "./to-conversation.ts";

/** POST /v1/responses */
export const responses =
  (models: ReadonlyMap<string, VisionLanguageModel>, stored: StoredResponses): Route =>
  async (body, call) => {
    const request = await parseLooseBody(responsesRequest(call.limits), body, call.warn);
    if (request.text?.verbosity !== undefined) call.warn("text.verbosity has no effect here.");
    const model = defaultModel(models, request.model);
    const tools = toTools({ ...request, choice: choiceOf(request), form: functionTool }, model, call);
    const conversation = await toConversation(request, { model, stored }, call);
    await call.turn();
    const id = `resp_${hex()}`;
    const head = { id, itemId: `msg_${hex()}`, model: model.modelId, created: now(), request };
    const { instructions } = request;
    const messages =
      instructions === undefined ? conversation : [{ role: "system", content: instructions } as const, ...conversation];
    const onEnd = (answer: VlmAnswer) => {
      call.used({ model: model.modelId, ...answer });
      const response = endedResponse(head, answer);
      if (request.store !== false) {
        const items = response.output.map((item) => [item.id, messageOf(item)] as const);
        stored.add(
          id,
          new Map(items),
          appended(
            conversation,
            items.map(([, message]) => message),
          ),
        );
      }
      return response;
    };
    const options = { ...toOptions(request, call), ...tools };
    if (!request.stream) {
      return { json: onEnd(await model.chat(messages, options)) };
    }
    const pieces = model.streamChat(messages, options);
    // What fails before the first piece has a status of its own.
    const first = await pieces.next();
    return { events: numbered(events(head, first, pieces, onEnd)), form: namedEvents };
  };

const hex = (): string => randomUUID().replaceAll("-", "");

function choiceOf({ tool_choice: choice }: ResponsesRequest): ToolChoice | undefined {
  return typeof choice === "object" ? { name: choice.name } : choice;
}

/** In the order of OpenAI's: the response, its items, the message's part, its text, and back. */
async function* events(
  head: ResponseHead,
  first: IteratorResult<VlmPiece, VlmAnswer>,
  pieces: AsyncGenerator<VlmPiece, VlmAnswer>,
  onEnd: (answer: VlmAnswer) => ReturnType<typeof endedResponse>,
): AsyncGenerator<object> {
  const at = { output_index: 0 };
  const inPart = { item_id: head.itemId, ...at, content_index: 0 };
  const opened = [
    { type: "response.output_item.added", ...at, item: messageItem(head, "in_progress", []) },
    { type: "response.content_part.added", ...inPart, part: textPart("") },
  ];
  try {
    yield { type: "response.created", response: openResponse(head) };
    yield { type: "response.in_progress", response: openResponse(head) };
    let next = first;
    if (!next.done) yield* opened;
    for (; !next.done; next = await pieces.next()) {
      yield { type: "response.output_text.delta", ...inPart, delta: next.value.text, logprobs: [] };
    }
    const response = onEnd(next.value);
    for (const [i, item] of response.output.entries()) {
      if (item.type === "function_call") yield* callEvents(item, i);
      else {
        // An answer without a piece is an empty message.
        if (first.done) yield* opened;
        const { text } = next.value;
        yield { type: "response.output_text.done", ...inPart, text, logprobs: [] };
        yield { type: "response.content_part.done", ...inPart, part: textPart(text) };
        yield { type: "response.output_item.done", ...at, item };
      }
    }
    yield { type: `response.${response.status}`, response };
  } finally {
    await leave(pieces);
  }
}

function* callEvents(item: CallItem, index: number): Generator<object> {
  const at = { item_id: item.id, output_index: index };
  const open = { ...item, arguments: "", status: "in_progress" };
  yield { type: "response.output_item.added", output_index: index, item: open };
  yield { type: "response.function_call_arguments.delta", ...at, delta: item.arguments };
  yield { type: "response.function_call_arguments.done", ...at, name: item.name, arguments: item.arguments };
  yield { type: "response.output_item.done", output_index: index, item };
}

async function* numbered(all: AsyncGenerator<object>): AsyncGenerator<object> {
  let count = 0;
  for await (const event of all) {
    yield { ...event, sequence_number: count };
    count += 1;
  }
}
