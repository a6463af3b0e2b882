import { setFields } from "../../../sdk/kit.ts";
import {
  ANY_JSON_OBJECT,
  type VisionLanguageModel,
  type VlmMessage,
  type VlmOptions,
  type VlmPart,
} from "../../vision-language-model.ts";
import { checkCounts } from "../chat/check-counts.ts";
import { toLogprobs } from "../chat/logprobs.ts";
import { toSampling } from "../chat/sampling.ts";
import { requireTools } from "../chat/tools.ts";
import { ApiError } from "../http/api-error.ts";
import { imageOf } from "../images/image-source.ts";
import type { Call } from "../route.ts";
import type { ResponsesRequest } from "./responses-request.ts";
import type { StoredResponses } from "./stored-responses.ts";

/** The conversation of a request without its instructions, which are of this request alone. @throws ApiError 400 */
export async function toConversation(
  { input, previous_response_id: previous }: ResponsesRequest,
  { model, stored }: { readonly model: VisionLanguageModel; readonly stored: StoredResponses },
  { images, limits }: Call,
): Promise<VlmMessage[]> {
  const before = previous === undefined ? [] : stored.conversation(previous);
  if (typeof input === "string") {
    // A data: URL alone is an image.
    const content = images.sent.has(input) ? [{ image: await imageOf(input, "input", images) }] : input;
    return [...before, { role: "user", content }];
  }
  const given = input.map(contentOf);
  checkCounts(given, ({ type }) => (type === "image" ? 1 : 0), { param: "input", limits });
  const said: VlmMessage[] = [];
  for (const [i, item] of input.entries()) {
    const param = `input[${i}]`;
    if ("type" in item && item.type === "image_generation_call") said.push({ role: "assistant", content: "" });
    else if ("id" in item) said.push(stored.item(item.id, `${param}.id`));
    else if ("call" in item || "callId" in item) {
      requireTools(model, `${param}.type`);
      said.push("call" in item ? { role: "assistant", content: "", toolCalls: [item.call] } : toResult(item, param));
    } else if ("role" in item) {
      const { role, content } = item;
      const parts: VlmPart[] = [];
      for (const [j, part] of typeof content === "string" ? [] : content.entries()) {
        if (part.type === "text") parts.push(part.text);
        else parts.push({ image: await imageOf(part.url, `${param}.content[${j}].image_url`, images) });
      }
      said.push({
        role: role === "developer" ? "system" : role,
        content: typeof content === "string" ? content : parts,
      });
    }
  }
  return appended(before, said);
}

type Item = Exclude<ResponsesRequest["input"], string>[number];

function contentOf(item: Item) {
  if ("role" in item) return item.content;
  return "callId" in item ? item.output : [];
}

/** Calls, and the text before them, are items of their own here: they are one message of a conversation. */
export function appended(conversation: readonly VlmMessage[], messages: readonly VlmMessage[]): VlmMessage[] {
  const all = [...conversation];
  for (const message of messages) {
    const last = all.at(-1);
    if (last?.role !== "assistant" || message.toolCalls === undefined) all.push(message);
    else all[all.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), ...message.toolCalls] };
  }
  return all;
}

function toResult({ callId, output }: Extract<Item, { callId: string }>, param: string): VlmMessage {
  const parts = typeof output === "string" ? [] : output;
  const texts = parts.map((part, j) => {
    if (part.type === "text") return part.text;
    const place = `${param}.output[${j}]`;
    throw new ApiError(400, `Expected text for ${place} but received an image: send it in a message.`, {
      param: place,
    });
  });
  return { role: "tool", content: typeof output === "string" ? output : texts, toolCallId: callId };
}

/** The request's sampling and limits. */
export function toOptions(request: ResponsesRequest, { signal, warn }: Call): VlmOptions {
  return {
    ...toSampling(request),
    ...setFields({
      maxTokens: request.max_output_tokens,
      jsonSchema: schemaOf(request.text?.format),
      logprobs: toLogprobs({ ...request, logprobs: request.include?.includes("message.output_text.logprobs") }),
    }),
    onWarning: warn,
    signal,
  };
}

function schemaOf(format: NonNullable<ResponsesRequest["text"]>["format"]): object | undefined {
  if (format?.type === "json_schema") return format.schema;
  return format?.type === "json_object" ? ANY_JSON_OBJECT : undefined;
}
