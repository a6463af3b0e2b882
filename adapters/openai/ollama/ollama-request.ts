import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import { ANY_JSON_OBJECT, type VlmOptions } from "../../vision-language-model.ts";
import { logprobFields, toLogprobs } from "../chat/logprobs.ts";
import { samplingFields, tokenCount, toSampling } from "../chat/sampling.ts";
import { toolCalls, toolList } from "../chat/tools.ts";
import { ignored, jsonSchema, listOf } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import type { Call } from "../route.ts";

/** What chat and generate share. */
const shared = (limits: EndpointLimits) => ({
  model: z.string(),
  stream: z.boolean().default(true),
  format: z.union([z.enum(["", "json"]), jsonSchema]).optional(),
  options: z.looseObject({ ...samplingFields(limits), num_predict: z.union([tokenCount, z.literal(-2)]) }).optional(),
  keep_alive: z.unknown().optional(),
  ...logprobFields,
  think: z.union([z.boolean(), z.string()]).optional(),
});

/** POST /api/chat */
export const ollamaChat = (limits: EndpointLimits) =>
  z.object({
    ...shared(limits),
    messages: listOf(
      z.object({
        role: z.enum(["system", "user", "assistant", "tool"], "Expected the role system, user, assistant or tool"),
        content: z.string().default(""),
        images: listOf(z.string(), limits.images).optional(),
        tool_calls: toolCalls(jsonSchema, limits.parts),
        tool_call_id: z.string().optional(),
      }),
      limits.parts,
    ).default([]),
    tools: toolList(limits),
  });

/** POST /api/generate */
export const ollamaGenerate = (limits: EndpointLimits) =>
  z.object({
    ...shared(limits),
    prompt: z.string().default(""),
    system: z.string().optional(),
    images: listOf(z.string(), limits.images).optional(),
    raw: z.literal(false, "it is not supported: prompts follow the model's own template.").optional(),
    template: z.literal("", "it is not supported: prompts follow the model's own template.").optional(),
    suffix: z.literal("", "it is not supported: the model fills nothing in.").optional(),
    context: z.tuple([], "it is not supported: send the conversation to /api/chat.").optional(),
  });

/** POST /api/show; older clients send `name`. */
export const ollamaShow = z.object({ model: z.string().optional(), name: z.string().optional(), verbose: ignored });

type Shared = Pick<z.output<ReturnType<typeof ollamaChat>>, "format" | "options" | "logprobs" | "top_logprobs">;

/** Of Ollama's options, those that say how a model runs and not what it answers. */
const SILENT = new Set(["num_ctx", "num_gpu", "num_thread", "num_batch", "num_keep", "main_gpu", "use_mmap", "numa"]);

export function toOptions({ format, options, ...logprobs }: Shared, { signal, warn, limits }: Call): VlmOptions {
  const known = samplingFields(limits);
  for (const name of Object.keys(options ?? {})) {
    if (name !== "num_predict" && !SILENT.has(name) && !Object.hasOwn(known, name)) warn(`${name} has no effect here.`);
  }
  const { num_predict: count } = options ?? {};
  return {
    ...(options && toSampling(options)),
    ...setFields({
      // -2 fills the context, as -1 does.
      maxTokens: count === -2 ? tokenCount.parse(-1) : count,
      logprobs: toLogprobs(logprobs),
      jsonSchema: format === "json" ? ANY_JSON_OBJECT : typeof format === "object" ? format : undefined,
    }),
    onWarning: warn,
    signal,
  };
}
