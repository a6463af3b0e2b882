import * as z from "zod";
import { logprobFields } from "../chat/logprobs.ts";
import { samplingFields, tokenCount } from "../chat/sampling.ts";
import { allowedMode, callArguments, functionFields, toolList, toolType } from "../chat/tools.ts";
import { ignored, jsonSchema, listOf, only } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";

const noFile = z.undefined("it is not supported: this server keeps no files.").optional();

const textPart = z
  .object({ type: z.enum(["input_text", "output_text", "text"]), text: z.string() })
  .transform(({ text }) => ({ type: "text" as const, text }));
const refusalPart = z
  .object({ type: z.literal("refusal"), refusal: z.string() })
  .transform(({ refusal }) => ({ type: "text" as const, text: refusal }));
const imagePart = z
  .object({ type: z.literal("input_image"), file_id: noFile, image_url: z.string() })
  .transform(({ image_url }) => ({ type: "image" as const, url: image_url }));

const part = z.discriminatedUnion("type", [textPart, imagePart, refusalPart], {
  error: "Expected a part of the type input_text, input_image or output_text",
});

const message = (parts: number) =>
  z.object({
    type: z.literal("message").optional(),
    role: z.enum(["user", "system", "developer", "assistant"]),
    content: z.union([z.string(), listOf(part, parts)]),
  });
const reference = z.object({ type: z.literal("item_reference").optional(), id: z.string() });
/** What a model has thought is not part of a conversation. */
const reasoning = z.object({ type: z.literal("reasoning") });

/** A picture that an answer was: what is said about it stands in the messages. */
const imageCall = z.object({ type: z.literal("image_generation_call") });

const functionCall = (limits: EndpointLimits) =>
  z
    .object({
      type: z.literal("function_call"),
      call_id: z.string(),
      name: z.string(),
      arguments: callArguments(limits),
    })
    .transform(({ call_id: id, name, arguments: values }) => ({ call: { id, name, arguments: values } }));
const functionOutput = (parts: number) =>
  z
    .object({
      type: z.literal("function_call_output"),
      call_id: z.string(),
      output: z.union([z.string(), listOf(part, parts)]),
    })
    .transform(({ call_id: callId, output }) => ({ callId, output }));

const item = (limits: EndpointLimits) =>
  z.union(
    [message(limits.parts), reasoning, imageCall, reference, functionCall(limits), functionOutput(limits.parts)],
    {
      error: "Expected a message, a reference to an item, a function_call or a function_call_output",
    },
  );

const namedTool = z.object({ type: z.literal("function"), name: z.string() });
const imageTool = z.object({ type: z.literal("image_generation") });
const allowedTools = z.object({
  type: z.literal("allowed_tools"),
  mode: allowedMode,
  tools: z.array(z.object({ type: z.string(), name: z.string().optional() })),
});

export const functionTool = z.object({ type: toolType, ...functionFields });

const textFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({ type: z.literal("json_schema"), name: z.string().optional(), schema: jsonSchema }),
]);

/** POST /v1/responses: OpenAI's fields, and the sampling of other servers. */
export const responsesRequest = (limits: EndpointLimits) =>
  z.object({
    model: z.string().optional(),
    input: z.union([z.string(), listOf(item(limits), limits.parts)]),
    instructions: z.string().optional(),
    previous_response_id: z.string().optional(),
    store: z.boolean().optional(),
    stream: z.boolean().optional(),
    ...samplingFields(limits),
    max_output_tokens: tokenCount,
    text: z.object({ format: textFormat.optional(), verbosity: z.unknown().optional() }).optional(),
    top_logprobs: logprobFields.top_logprobs,
    tools: toolList(limits),
    tool_choice: z
      .union([z.enum(["none", "auto", "required"]), namedTool, imageTool, allowedTools], {
        error: "Expected none, auto, required, a function or image_generation",
      })
      .optional(),
    background: only([false], "the answer comes at once"),
    conversation: z.undefined("it is not supported: send previous_response_id, or the conversation.").optional(),
    prompt: z.undefined("it is not supported: this server keeps no prompts.").optional(),
    metadata: z.record(z.string(), z.string()).optional(),
    user: ignored,
    safety_identifier: ignored,
    service_tier: ignored,
    prompt_cache_key: ignored,
    prompt_cache_retention: ignored,
    prompt_cache_options: ignored,
    parallel_tool_calls: z.boolean().optional(),
    stream_options: ignored,
    include: z.array(z.string()).optional(),
  });

export type ResponsesRequest = z.output<ReturnType<typeof responsesRequest>>;
