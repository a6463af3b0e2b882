import { leave } from "../../async-generators.ts";
import type {
  VisionLanguageModel,
  VlmAnswer,
  VlmMessage,
  VlmOptions,
  VlmPiece,
  VlmToolCall,
} from "../../vision-language-model.ts";
import { tooMany } from "../chat/check-counts.ts";
import { logprobObjects } from "../chat/logprobs.ts";
import { toTemplateVariables } from "../chat/template-variables.ts";
import { chatTool, requireTools, toTools, withIds } from "../chat/tools.ts";
import { parseLooseBody } from "../http/parse.ts";
import { jsonLines } from "../http/streams.ts";
import { rawImageOf } from "../images/image-source.ts";
import { type Call, type Reply, type Route, requireModel } from "../route.ts";
import { ollamaDetails } from "./ollama-models.ts";
import { ollamaChat, ollamaGenerate, ollamaShow, toOptions } from "./ollama-request.ts";

type Models = ReadonlyMap<string, VisionLanguageModel>;

/** Ollama's clients name a version behind a colon. */
const requireOllamaModel = <T>(models: ReadonlyMap<string, T>, name: string): T =>
  requireModel(models, models.has(name) ? name : name.replace(/:latest$/, ""));

/** POST /api/chat */
export const ollamaChatRoute =
  (models: Models): Route =>
  async (body, call) => {
    const request = await parseLooseBody(ollamaChat(call.limits), body, call.warn);
    const model = requireOllamaModel(models, request.model);
    if (request.messages.length === 0) return { json: { ...loaded(request, model), message: saidBy("").message } };
    const tools = toTools({ tools: request.tools, form: chatTool }, model, call);
    const count = request.messages.reduce((sum, { images = [] }) => sum + images.length, 0);
    if (count > call.limits.images) throw tooMany("images", call.limits.images, count, "messages");
    const messages: VlmMessage[] = [];
    for (const [i, { role, content, images, tool_calls: calls, tool_call_id: id }] of request.messages.entries()) {
      if (role === "tool" || calls?.length) requireTools(model, `messages[${i}].role`);
      messages.push({
        ...(await messageOf(role, content, images, `messages[${i}].images`, call)),
        ...(calls?.length && { toolCalls: calls }),
        ...(id !== undefined && { toolCallId: id }),
      });
    }
    const options = { ...toOptions(request, call), ...tools, ...thinks(request, model, call) };
    return answer({ model, messages, options, stream: request.stream, said: saidBy }, call);
  };

/** POST /api/generate */
export const ollamaGenerateRoute =
  (models: Models): Route =>
  async (body, call) => {
    const request = await parseLooseBody(ollamaGenerate(call.limits), body, call.warn);
    const model = requireOllamaModel(models, request.model);
    if (request.prompt === "" && !request.images?.length) return { json: { ...loaded(request, model), response: "" } };
    const system: VlmMessage[] = request.system ? [{ role: "system", content: request.system }] : [];
    const messages = [...system, await messageOf("user", request.prompt, request.images, "images", call)];
    const options = { ...toOptions(request, call), ...thinks(request, model, call) };
    return answer({ model, messages, options, stream: request.stream, said: (text) => ({ response: text }) }, call);
  };

/** Whether the answer thinks first, or how much. */
const thinks = ({ think: value }: { readonly think?: unknown }, model: VisionLanguageModel, call: Call) => {
  const name = typeof value === "string" ? "reasoning_effort" : "enable_thinking";
  return toTemplateVariables([{ field: "think", name, value }], model, call);
};

/** A request without a question loads the model, or frees it. Those that are served stay where they are. */
const loaded = ({ keep_alive: keep }: { readonly keep_alive?: unknown }, { modelId: model }: VisionLanguageModel) => ({
  model,
  created_at: new Date().toISOString(),
  done: true,
  done_reason: keep === 0 || keep === "0" ? "unload" : "load",
});

/** POST /api/show */
export const ollamaShowRoute =
  (models: Models): Route =>
  async (body, { warn }) => {
    const { model, name = "" } = await parseLooseBody(ollamaShow, body, warn);
    return { json: ollamaDetails(requireOllamaModel(models, model ?? name)) };
  };

/** A text of an answer, or what it calls. */
const saidBy = (text: string, toolCalls?: readonly VlmToolCall[]) => ({
  message: {
    role: "assistant",
    content: text,
    ...(toolCalls && {
      tool_calls: withIds(toolCalls).map(({ id, name, arguments: values }, index) => ({
        id,
        function: { index, name, arguments: values },
      })),
    }),
  },
});

/** Images stand before the text, as Ollama puts them. */
async function messageOf(
  role: VlmMessage["role"],
  text: string,
  urls: readonly string[] = [],
  param: string,
  { images }: Call,
): Promise<VlmMessage> {
  const parts = [];
  for (const [i, url] of urls.entries()) parts.push({ image: await rawImageOf(url, `${param}[${i}]`, images) });
  return { role, content: parts.length === 0 ? text : [...parts, text] };
}

const logprobsOf = ({ logprobs }: VlmPiece) => (logprobs === undefined ? {} : { logprobs: logprobObjects(logprobs) });

interface Asked {
  readonly model: VisionLanguageModel;
  readonly messages: readonly VlmMessage[];
  readonly options: VlmOptions;
  readonly stream: boolean;
  /** A text of the answer in the form of the path. */
  readonly said: (text: string, toolCalls?: readonly VlmToolCall[]) => object;
}

async function answer({ model, messages, options, stream, said }: Asked, call: Call): Promise<Reply> {
  const arrived = performance.now();
  await call.turn();
  const begun = performance.now();
  const head = () => ({ model: model.modelId, created_at: new Date().toISOString() });
  const ended = (whole: VlmAnswer) => {
    call.used({ model: model.modelId, ...whole });
    const nanoseconds = (since: number) => Math.round((performance.now() - since) * 1e6);
    return {
      done: true,
      done_reason: whole.finishReason,
      total_duration: nanoseconds(arrived),
      load_duration: 0,
      prompt_eval_count: whole.promptTokens ?? 0,
      prompt_eval_duration: 0,
      eval_count: whole.answerTokens ?? 0,
      eval_duration: nanoseconds(begun),
    };
  };
  if (!stream) {
    const whole = await model.chat(messages, options);
    return { json: { ...head(), ...said(whole.text, whole.toolCalls), ...ended(whole), ...logprobsOf(whole) } };
  }
  const pieces = model.streamChat(messages, options);
  // What fails before the first piece has a status of its own.
  const first = await pieces.next();
  return { events: events(), form: jsonLines };

  async function* events(): AsyncGenerator<object> {
    try {
      let next: IteratorResult<VlmPiece, VlmAnswer> = first;
      for (; !next.done; next = await pieces.next()) {
        yield { ...head(), ...said(next.value.text), done: false, ...logprobsOf(next.value) };
      }
      const { toolCalls } = next.value;
      if (toolCalls !== undefined) yield { ...head(), ...said("", toolCalls), done: false };
      yield { ...head(), ...said(""), ...ended(next.value) };
    } finally {
      await leave(pieces);
    }
  }
}
