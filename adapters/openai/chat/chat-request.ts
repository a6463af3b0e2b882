import * as z from "zod";
import { ignored, listOf } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";

const MAX_STOPS = 16;
/** Refuses all values but those that change nothing. */
const only = <T extends string | number | boolean>(values: readonly T[], why: string) =>
  z.literal(values, `it is not supported: ${why}.`);

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
const imagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({ url: z.string(), detail: z.enum(["auto", "low", "high"]).optional() }),
});
const partTypes = "a part of the type text or image_url";
const userPart = z.discriminatedUnion("type", [textPart, imagePart], { error: `Expected ${partTypes}` });
const texts = (most: number) => z.union([z.string(), listOf(textPart, most)]);

const messageOf = (parts: number) =>
  z.discriminatedUnion(
    "role",
    [
      z.object({ role: z.enum(["system", "developer"]), content: texts(parts), name: ignored }),
      z.object({ role: z.literal("user"), content: z.union([z.string(), listOf(userPart, parts)]), name: ignored }),
      z.object({ role: z.literal("assistant"), content: texts(parts), name: ignored, refusal: ignored }),
    ],
    { error: "Expected a message of the role system, developer, user or assistant" },
  );

const stopText = (most: number) => z.string().min(1).max(most, `Expected at most ${most} characters`);

const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.object({ name: z.string(), schema: z.record(z.string(), z.unknown()) }),
  }),
]);

/**
 * POST /v1/chat/completions: OpenAI's fields, and `top_k`. A field that would change the answer and is not supported is
 * refused.
 */
export const chatRequest = ({ parts, stopCharacters }: EndpointLimits) =>
  z.strictObject({
    model: z.string(),
    messages: listOf(messageOf(parts), parts).refine((messages) => messages.length > 0, "Expected a message"),
    stream: z.boolean().optional(),
    stream_options: z.object({ include_usage: z.boolean().optional() }).optional(),
    max_tokens: z.int().min(1).optional(),
    max_completion_tokens: z.int().min(1).optional(),
    temperature: z.number().min(0).max(2).optional(),
    top_p: z.number().gt(0).max(1).optional(),
    top_k: z.int().min(0).optional(),
    seed: z.int().optional(),
    stop: z.union([stopText(stopCharacters), listOf(stopText(stopCharacters), MAX_STOPS)]).optional(),
    response_format: responseFormat.optional(),
    n: only([1], "send the request as often as you want answers").optional(),
    logprobs: only([false], "the probabilities of tokens are not kept").optional(),
    top_logprobs: only([0], "the probabilities of tokens are not kept").optional(),
    presence_penalty: only([0], "nothing is penalized for having been said").optional(),
    frequency_penalty: only([0], "nothing is penalized for having been said").optional(),
    logit_bias: z.strictObject({}, "it is not supported.").optional(),
    tools: z.tuple([], "it is not supported: this model calls no tools.").optional(),
    tool_choice: only(["none", "auto"], "this model calls no tools").optional(),
    modalities: z.tuple([z.literal("text")], "only text is supported.").optional(),
    user: ignored,
    metadata: ignored,
    store: ignored,
    service_tier: ignored,
    safety_identifier: ignored,
    prompt_cache_key: ignored,
    prompt_cache_retention: ignored,
    prompt_cache_options: ignored,
    parallel_tool_calls: ignored,
  });

export type ChatRequest = z.output<ReturnType<typeof chatRequest>>;
