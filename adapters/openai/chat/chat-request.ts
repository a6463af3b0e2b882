import * as z from "zod";
import { CALLS_NONE } from "../../asked-tools.ts";
import { ANY_JSON_OBJECT } from "../../vision-language-model.ts";
import { ignored, jsonSchema, listOf, only } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import { logprobFields } from "./logprobs.ts";
import { samplingFields, tokenCount } from "./sampling.ts";
import { callArguments, toolCalls, toolFields } from "./tools.ts";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const imagePart = z.object({
  type: z.literal("image_url"),
  // Some clients send the URL itself.
  image_url: z.union([z.string().transform((url) => ({ url })), z.object({ url: z.string() })]),
});
/** Of the frames that come, per second. Qwen's own programs take two of each second. */
const fps = z.number().gt(0).default(2);
/** vLLM's part; its frames are one data: URL. */
const videoUrlPart = z.object({
  type: z.literal("video_url"),
  video_url: z.object({ url: z.string() }),
  fps,
});
/** Frames as images, as DashScope has it. */
const framesPart = (most: number) => z.object({ type: z.literal("video"), video: listOf(z.string(), most), fps });
const partTypes = "a part of the type text, image_url, video or video_url";
const userPart = (most: number) =>
  z.discriminatedUnion("type", [textPart, imagePart, framesPart(most), videoUrlPart], {
    error: `Expected ${partTypes}`,
  });
const texts = (most: number) => z.union([z.string(), listOf(textPart, most)]);
/**
 * Of an answer in the conversation. Clients that began it with another model send that one's thoughts along (LibreChat, of Claude):
 * no template shows thoughts of earlier answers, so they are left out.
 */
const saidPart = z.discriminatedUnion(
  "type",
  [
    textPart,
    z.object({ type: z.literal("refusal"), refusal: z.string() }),
    z.object({ type: z.enum(["thinking", "redacted_thinking", "reasoning", "reasoning_content"]) }),
  ],
  { error: "Expected a part of the type text, refusal or thinking" },
);
const said = (most: number) =>
  z.union([
    z.string(),
    listOf(saidPart, most).transform((parts) =>
      parts.flatMap((part) => {
        if (part.type === "text") return [part];
        return part.type === "refusal" ? [{ type: "text" as const, text: part.refusal }] : [];
      }),
    ),
  ]);

const messageOf = (limits: EndpointLimits) => {
  const { parts } = limits;
  return z.discriminatedUnion(
    "role",
    [
      z.object({ role: z.enum(["system", "developer"]), content: texts(parts) }),
      z.object({ role: z.literal("user"), content: z.union([z.string(), listOf(userPart(parts), parts)]) }),
      // An answer of tool calls alone has no content.
      z.object({
        role: z.literal("assistant"),
        content: said(parts).default(""),
        tool_calls: toolCalls(callArguments(limits), parts),
      }),
      z.object({ role: z.literal("tool"), content: texts(parts), tool_call_id: z.string().optional() }),
    ],
    { error: "Expected a message of the role system, developer, user, assistant or tool" },
  );
};

/** OpenAI's. llama.cpp and others take the schema in another place. */
const responseFormat = z.discriminatedUnion(
  "type",
  [
    z.object({ type: z.literal("text") }).transform(() => undefined),
    z
      .object({ type: z.literal("json_object"), schema: jsonSchema.optional() })
      .transform(({ schema = ANY_JSON_OBJECT }) => schema),
    z
      .object({
        type: z.literal("json_schema"),
        json_schema: z.object({ schema: jsonSchema.optional() }).optional(),
        schema: jsonSchema.optional(),
      })
      .transform(({ json_schema: named, schema = named?.schema }) => schema)
      .refine((schema) => schema !== undefined, { error: "Expected a schema", path: ["json_schema", "schema"] }),
  ],
  { error: "Expected one of text, json_object and json_schema" },
);
/** Of vLLM and SGLang. */
const noForm = z.undefined("it is not supported: send response_format.").optional();

/**
 * POST /v1/chat/completions: OpenAI's fields, and those of other servers. A field that would change the answer and is
 * not supported is refused.
 */
export const chatRequest = (limits: EndpointLimits) =>
  z.object({
    model: z.string().optional(),
    messages: listOf(messageOf(limits), limits.parts).refine((messages) => messages.length > 0, "Expected a message"),
    stream: z.boolean().optional(),
    stream_options: z.object({ include_usage: z.boolean().optional() }).optional(),
    max_tokens: tokenCount,
    max_completion_tokens: tokenCount,
    n_predict: tokenCount,
    ...samplingFields(limits),
    response_format: responseFormat.optional(),
    json_schema: jsonSchema.optional(),
    n: z.int().min(1).max(limits.answers).optional(),
    best_of: only([1], "send n and choose yourself"),
    ...logprobFields,
    ...toolFields(limits),
    functions: z.array(z.unknown()).optional(),
    function_call: only(["none", "auto"], CALLS_NONE),
    modalities: z.tuple([z.literal("text")], "only text is supported.").optional(),
    audio: z.undefined("it is not supported: only text is.").optional(),
    web_search_options: z.undefined("it is not supported: this server searches nothing.").optional(),
    guided_json: noForm,
    guided_choice: noForm,
    guided_regex: noForm,
    guided_grammar: noForm,
    structured_outputs: noForm,
    regex: noForm,
    ebnf: noForm,
    echo: only([false], "an answer has no prompt"),
    documents: z.array(z.unknown()).max(0, "it is not supported: write them into a message.").optional(),
    chat_template: only([""], "prompts follow the model's own template"),
    chat_template_kwargs: z.record(z.string(), z.unknown()).optional(),
    // Of DashScope's and SGLang's clients.
    enable_thinking: z.boolean().optional(),
    reasoning_effort: z.string().optional(),
    continue_final_message: only([false], "an answer follows the user's message"),
    add_generation_prompt: only([true], "an answer follows the user's message"),
    user: ignored,
    metadata: ignored,
    store: ignored,
    service_tier: ignored,
    safety_identifier: ignored,
    prompt_cache_key: ignored,
    prompt_cache_retention: ignored,
    prompt_cache_options: ignored,
    prediction: ignored,
    cache_prompt: ignored,
    keep_alive: ignored,
  });

export type ChatRequest = z.output<ReturnType<typeof chatRequest>>;
