import * as z from "zod";
import { setFields } from "../../../sdk/kit.ts";
import type { VlmOptions } from "../../vision-language-model.ts";
import { samplingFields, toSampling } from "../chat/sampling.ts";
import { ignored, listOf } from "../http/parse.ts";
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

const block = z.discriminatedUnion("type", [textBlock, imageBlock, thinking], {
  error: "Expected a block of the type text or image: this server calls no tools and reads no documents",
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
        content: z.union([z.string(), listOf(block, limits.parts)]),
      }),
      limits.parts,
    ),
    ...samplingFields(limits),
    stop_sequences: samplingFields(limits).stop,
    stream: z.boolean().optional(),
    tools: z.array(z.unknown()).optional(),
    tool_choice: z
      .object({ type: z.enum(["auto", "none"], "it is not supported: this model calls no tools.") })
      .optional(),
    metadata: ignored,
    service_tier: ignored,
  });

export type MessagesRequest = z.output<ReturnType<typeof messagesRequest>>;

export function toOptions(request: MessagesRequest, { signal, warn }: Call): VlmOptions {
  const { stop_sequences: stop = request.stop } = request;
  return {
    ...toSampling({ ...request, stop }),
    ...setFields({ maxTokens: request.max_tokens }),
    onWarning: warn,
    signal,
  };
}
