import { randomUUID } from "node:crypto";
import { leave } from "../../async-generators.ts";
import type { VisionLanguageModel, VlmAnswer, VlmMessage, VlmOptions, VlmPiece } from "../../vision-language-model.ts";
import { parseLooseBody } from "../http/parse.ts";
import { chatEvents } from "../http/streams.ts";
import { defaultModel, now, type Route } from "../route.ts";
import { type ChatRequest, chatRequest } from "./chat-request.ts";
import { logprobObjects } from "./logprobs.ts";
import { type AskedVariable, toTemplateVariables } from "./template-variables.ts";
import { toMessages, toOptions } from "./to-vlm.ts";
import { chatTool, toolCallObjects, toTools } from "./tools.ts";

/** POST /v1/chat/completions */
export const chatCompletions =
  (models: ReadonlyMap<string, VisionLanguageModel>): Route =>
  async (body, call) => {
    const request = await parseLooseBody(chatRequest(call.limits), body, call.warn);
    const model = defaultModel(models, request.model);
    if (request.functions?.length && request.function_call !== "none")
      call.warn("functions has no effect here: send tools.");
    const { tools: given, tool_choice: choice, parallel_tool_calls: parallel } = request;
    const tools = toTools({ tools: given, choice, parallel, form: chatTool }, model, call);
    const variables = toTemplateVariables(variablesOf(request), model, call);
    const messages = await toMessages(request, model, call);
    await call.turn();
    const options = { ...toOptions(request, call), ...tools, ...variables };
    const all = request.n === undefined ? [options] : severalTimes(options, request.n);
    const head = { id: `chatcmpl-${randomUUID()}`, created: now(), model: model.modelId };
    const onUsage = (usage: Counts) => call.used({ model: model.modelId, ...usage });
    if (!request.stream) {
      const answers: VlmAnswer[] = [];
      for (const one of all) answers.push(await model.chat(messages, one));
      const counts = together(answers);
      onUsage(counts);
      return { json: { ...head, object: "chat.completion", choices: answers.map(choiceOf), ...usageOf(counts) } };
    }
    const events = eventsOf(model, messages, all);
    // What fails before the first piece has a status of its own.
    const first = await events.next();
    return { events: chunks(head, request, first, events, onUsage), form: chatEvents };
  };

function variablesOf({ chat_template_kwargs: kwargs = {}, ...request }: ChatRequest): AskedVariable[] {
  return [
    ...Object.entries(kwargs).map(([name, value]) => ({ field: "chat_template_kwargs", name, value })),
    ...(["enable_thinking", "reasoning_effort"] as const).map((name) => ({ field: name, name, value: request[name] })),
  ];
}

/** The options of several answers, each with a seed of its own: no two draw the same. */
function severalTimes({ seed, ...options }: VlmOptions, count: number): VlmOptions[] {
  const first = seed ?? Math.floor(Math.random() * 2 ** 31);
  return Array.from({ length: count }, (_, i) => ({ ...options, seed: first + i }));
}

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

type Counts = Pick<VlmAnswer, "promptTokens" | "answerTokens">;

const logprobsOf = ({ logprobs }: VlmPiece) =>
  logprobs === undefined ? null : { content: logprobObjects(logprobs), refusal: null };

const choiceOf = (answer: VlmAnswer, index: number) => {
  const { text, finishReason, toolCalls } = answer;
  return {
    index,
    message: {
      role: "assistant",
      ...(toolCalls === undefined
        ? { content: text }
        : { content: text === "" ? null : text, tool_calls: toolCallObjects(toolCalls) }),
      refusal: null,
    },
    finish_reason: toolCalls === undefined ? finishReason : "tool_calls",
    logprobs: logprobsOf(answer),
  };
};

/** A piece of one of the answers, or the whole of one at its end. */
type Event = { readonly index: number } & ({ readonly piece: VlmPiece } | { readonly answer: VlmAnswer });

/** One answer after the other. */
async function* eventsOf(
  model: VisionLanguageModel,
  messages: readonly VlmMessage[],
  all: readonly VlmOptions[],
): AsyncGenerator<Event> {
  for (const [index, options] of all.entries()) {
    const pieces = model.streamChat(messages, options);
    try {
      let next = await pieces.next();
      for (; !next.done; next = await pieces.next()) yield { index, piece: next.value };
      yield { index, answer: next.value };
    } finally {
      await leave(pieces);
    }
  }
}

async function* chunks(
  head: Head,
  { stream_options: streamOptions }: ChatRequest,
  first: IteratorResult<Event>,
  events: AsyncGenerator<Event>,
  onUsage: (usage: Counts) => void,
): AsyncGenerator<object> {
  const chunk = (index: number, delta: object, reason: string | null = null, logprobs: object | null = null) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index, delta, finish_reason: reason, logprobs }],
  });
  let begun = -1;
  const answers: VlmAnswer[] = [];
  try {
    for (let next = first; !next.done; next = await events.next()) {
      const { value: event } = next;
      if (event.index > begun) yield chunk(event.index, { role: "assistant", content: "" });
      begun = event.index;
      if ("piece" in event) yield chunk(event.index, { content: event.piece.text }, null, logprobsOf(event.piece));
      else {
        const { toolCalls, finishReason } = event.answer;
        answers.push(event.answer);
        if (toolCalls !== undefined) {
          const calls = toolCallObjects(toolCalls).map((call, index) => ({ index, ...call }));
          yield chunk(event.index, { tool_calls: calls });
        }
        yield chunk(event.index, {}, toolCalls === undefined ? finishReason : "tool_calls");
      }
    }
    const counts = together(answers);
    onUsage(counts);
    if (streamOptions?.include_usage) {
      yield { ...head, object: "chat.completion.chunk", choices: [], ...usageOf(counts) };
    }
  } finally {
    await leave(events);
  }
}

/** Of several answers to one prompt. */
function together(answers: readonly VlmAnswer[]): Counts {
  const counts = answers.map(({ answerTokens }) => answerTokens);
  const answerTokens = counts.every((count) => count !== null) ? counts.reduce((sum, count) => sum + count, 0) : null;
  return { promptTokens: answers[0]?.promptTokens ?? null, answerTokens };
}

/** Nothing where the model does not count. */
export function usageOf({ promptTokens, answerTokens }: Counts) {
  if (promptTokens === null || answerTokens === null) return {};
  const total = promptTokens + answerTokens;
  return { usage: { prompt_tokens: promptTokens, completion_tokens: answerTokens, total_tokens: total } };
}
