import { leave } from "../../async-generators.ts";
import type { VlmAnswer, VlmMessage, VlmPiece, VlmToolCall } from "../../vision-language-model.ts";
import { logprobObjects } from "../chat/logprobs.ts";
import type { Call } from "../route.ts";
import { askedDrawing, drawing, IMAGE_TOOL, type ImageTool } from "./image-tool.ts";
import {
  type CallItem,
  type endedResponse,
  messageItem,
  type OutputItem,
  openResponse,
  outputOf,
  type ResponseHead,
  textPart,
} from "./response-object.ts";

export type Said = AsyncGenerator<VlmPiece, VlmAnswer>;

export interface Responding {
  readonly head: ResponseHead;
  readonly said: Said;
  readonly imageTool: ImageTool | null;
  readonly drawsAtOnce: boolean;
  /** What a picture is drawn by. */
  readonly conversation: readonly VlmMessage[];
  readonly onEnd: (answer: VlmAnswer, output: readonly OutputItem[]) => ReturnType<typeof endedResponse>;
}

/** In the order of OpenAI's: the response, its items, each with its parts, and back. The first waits for the first piece. */
export async function* responseEvents(
  { head, said, imageTool, drawsAtOnce, conversation, onEnd }: Responding,
  call: Call,
): AsyncGenerator<object, ReturnType<typeof endedResponse>> {
  const at = { output_index: 0 };
  const inPart = { item_id: head.itemId, ...at, content_index: 0 };
  const begun = [
    { type: "response.created", response: openResponse(head) },
    { type: "response.in_progress", response: openResponse(head) },
  ];
  const opened = [
    { type: "response.output_item.added", ...at, item: messageItem(head, "in_progress", []) },
    { type: "response.content_part.added", ...inPart, part: textPart({ text: "" }) },
  ];
  try {
    const first = await said.next();
    let next = first;
    if (!drawsAtOnce) yield* begun;
    if (!next.done) yield* opened;
    for (; !next.done; next = await said.next()) {
      const { text, logprobs = [] } = next.value;
      yield { type: "response.output_text.delta", ...inPart, delta: text, logprobs: logprobObjects(logprobs) };
    }
    const { toolCalls = [], ...answer } = next.value;
    const isDraw = ({ name }: VlmToolCall) => imageTool !== null && name === IMAGE_TOOL;
    const draws = toolCalls.filter(isDraw).slice(0, call.limits.generatedImages);
    const calls = toolCalls.filter((one) => !isDraw(one));
    const items: OutputItem[] = outputOf(head, { ...answer, toolCalls: calls }, drawsAtOnce || draws.length > 0);
    for (const [i, item] of items.entries()) {
      if (item.type === "function_call") yield* callEvents(item, i);
      else {
        // An answer without a piece is an empty message.
        if (first.done) yield* opened;
        const part = textPart(answer);
        yield { type: "response.output_text.done", ...inPart, text: part.text, logprobs: part.logprobs };
        yield { type: "response.content_part.done", ...inPart, part };
        yield { type: "response.output_item.done", ...at, item };
      }
    }
    const words = drawsAtOnce ? [undefined] : draws.map((one) => String(one.arguments.prompt));
    for (const [i, prompt] of words.entries()) {
      if (imageTool === null) break;
      const asked = await askedDrawing(imageTool, conversation, call, prompt);
      const events = drawing(imageTool, asked, items.length, call);
      try {
        let event = await events.next();
        if (drawsAtOnce && i === 0) yield* begun;
        for (; !event.done; event = await events.next()) yield event.value;
        items.push(event.value);
      } finally {
        await leave(events);
      }
    }
    const response = onEnd(answer, items);
    yield { type: `response.${response.status}`, response };
    return response;
  } finally {
    await leave(said);
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

/** OpenAI's count of them. */
export async function* numbered(first: IteratorResult<object>, others: AsyncGenerator<object>): AsyncGenerator<object> {
  let count = 0;
  try {
    for (let next = first; !next.done; next = await others.next()) {
      yield { ...next.value, sequence_number: count };
      count += 1;
    }
  } finally {
    await leave(others);
  }
}
