import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import type { ToolChoice } from "../../asked-tools.ts";
import type { VlmOptions } from "../../vision-language-model.ts";
import { samplingFields, toSampling } from "../chat/sampling.ts";
import { functionFields, toolList } from "../chat/tools.ts";
import { ignored, jsonSchema, listOf } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";
import type { Call } from "../route.ts";

const textBlock = z.object({ type: z.literal("text"), text: z.string() });
const imageBlock = z.object({
  type: z.literal("image"),
  source: z.discriminatedUnion("type", [
    z.object({ type: z.literal("base64"), data: z.string() }).transform(({ data }) => ({ data, field: "data" })),
    z.object({ type: z.literal("url"), url: z.string() }).transform(({ url }) => ({ data: url, field: "url" })),
  ]),
});
/** What a model has thought is not part of a conversation. */
const thinking = z.object({ type: z.enum(["thinking", "redacted_thinking"]) });

const toolUse = z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string(), input: jsonSchema });
const toolResult = (parts: number) =>
  z.object({
    type: z.literal("tool_result"),
    tool_use_id: z.string(),
    content: z.union([z.string(), listOf(textBlock, parts)], "Expected text of a tool").default(""),
  });

const block = (parts: number) =>
  z.discriminatedUnion("type", [textBlock, imageBlock, thinking, toolUse, toolResult(parts)], {
    error: "Expected a block of the type text, image, tool_use or tool_result",
  });

/** A tool of the client's. Those that Anthropic runs have other types. */
export const clientTool = z
  .object({
    type: z.literal("custom", "only tools of the client's are supported.").default("custom"),
    name: functionFields.name,
    description: functionFields.description,
    input_schema: jsonSchema,
  })
  .transform(({ input_schema: parameters, ...tool }) => ({ ...tool, parameters }));

const several = { disable_parallel_tool_use: z.boolean().default(true) };
const toolChoice = z
  .discriminatedUnion("type", [
    z.object({ type: z.enum(["auto", "none"]), ...several }),
    z.object({ type: z.literal("any"), ...several }),
    z.object({ type: z.literal("tool"), name: z.string(), ...several }),
  ])
  .transform((given) => ({ choice: choiceOf(given), parallel: !given.disable_parallel_tool_use }));

function choiceOf(
  given: { readonly type: "auto" | "none" | "any" } | { readonly type: "tool"; readonly name: string },
): ToolChoice {
  if (given.type === "tool") return { name: given.name };
  return given.type === "any" ? "required" : given.type;
}

const outputFormat = z.object({
  type: z.literal("json_schema", "only json_schema is supported."),
  schema: jsonSchema,
});

/** POST /v1/messages: Anthropic's fields, and the sampling of other servers. */
export const messagesRequest = (limits: EndpointLimits) =>
  z.object({
    model: z.string().optional(),
    max_tokens: z.int().min(1),
    system: z.union([z.string(), listOf(textBlock, limits.parts)]).optional(),
    messages: listOf(
      z.object({
        role: z.enum(["user", "assistant"]),
        content: z.union([z.string(), listOf(block(limits.parts), limits.parts)]),
      }),
      limits.parts,
    ),
    ...samplingFields(limits),
    stop_sequences: samplingFields(limits).stop,
    stream: z.boolean().optional(),
    tools: toolList(limits),
    tool_choice: toolChoice.optional(),
    output_config: z.object({ format: outputFormat.optional(), effort: z.unknown().optional() }).optional(),
    // Of the beta.
    output_format: outputFormat.optional(),
    thinking: z.looseObject({ type: z.string() }).optional(),
    metadata: ignored,
    service_tier: ignored,
  });

export type MessagesRequest = z.output<ReturnType<typeof messagesRequest>>;

export function toOptions(request: MessagesRequest, { signal, warn }: Call): VlmOptions {
  const { stop_sequences: stop = request.stop } = request;
  if (request.output_config?.effort !== undefined) warn("output_config.effort has no effect here.");
  return {
    ...toSampling({ ...request, stop }),
    ...setFields({
      maxTokens: request.max_tokens,
      jsonSchema: (request.output_config?.format ?? request.output_format)?.schema,
    }),
    onWarning: warn,
    signal,
  };
}
