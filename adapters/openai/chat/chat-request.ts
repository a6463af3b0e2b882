import { z } from "zod";
import { listOf } from "../http/parse.ts";
import type { EndpointLimits } from "../limits.ts";

const MAX_STOPS = 16;
/** Refuses all values but those that change nothing. */
const only = <T extends string | number | boolean>(values: readonly T[], why: string) =>
  z.literal(values, `it is not supported: ${why}.`);
/** Fields that ask for nothing that the answer would show; OpenAI's clients send some of them. */
const ignored = z.unknown().optional();

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
export const chatRequest = ({ parts }: EndpointLimits) =>
  z.strictObject({
    model: z.string(),
    messages: listOf(messageOf(parts), parts).refine((messages) => messages.length > 0, "Expected a message"),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
    max_tokens: z.int().min(1).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    seed: z.int().nullish(),
    stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(MAX_STOPS)]).nullish(),
    response_format: responseFormat.nullish(),
    n: only([1], "send the request as often as you want answers").nullish(),
    logprobs: only([false], "the probabilities of tokens are not kept").nullish(),
    top_logprobs: only([0], "the probabilities of tokens are not kept").nullish(),
    presence_penalty: only([0], "nothing is penalized for having been said").nullish(),
    frequency_penalty: only([0], "nothing is penalized for having been said").nullish(),
    logit_bias: z.strictObject({}, "it is not supported.").nullish(),
    tools: z.tuple([], "it is not supported: this model calls no tools.").nullish(),
    tool_choice: only(["none", "auto"], "this model calls no tools").nullish(),
    modalities: z.tuple([z.literal("text")], "only text is supported.").nullish(),
    user: ignored,
    metadata: ignored,
    store: ignored,
    service_tier: ignored,
    safety_identifier: ignored,
    prompt_cache_key: ignored,
    parallel_tool_calls: ignored,
  });

export type ChatRequest = z.output<ReturnType<typeof chatRequest>>;
