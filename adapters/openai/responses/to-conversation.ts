import { setFields } from "../../../sdk/kit.ts";
import { ANY_JSON_OBJECT, type VlmMessage, type VlmOptions, type VlmPart } from "../../vision-language-model.ts";
import { checkCounts } from "../chat/check-counts.ts";
import { toSampling } from "../chat/sampling.ts";
import { imageOf } from "../images/image-source.ts";
import type { Call } from "../route.ts";
import type { ResponsesRequest } from "./responses-request.ts";
import type { StoredResponses } from "./stored-responses.ts";

/** The conversation of a request without its instructions, which are of this request alone. @throws ApiError 400 */
export async function toConversation(
  { input, previous_response_id: previous }: ResponsesRequest,
  stored: StoredResponses,
  { images, limits }: Call,
): Promise<VlmMessage[]> {
  const before = previous === undefined ? [] : stored.conversation(previous);
  if (typeof input === "string") {
    // A data: URL alone is an image.
    const content = images.sent.has(input) ? [{ image: await imageOf(input, "input", images) }] : input;
    return [...before, { role: "user", content }];
  }
  const given = input.map((item) => ("role" in item ? item.content : []));
  checkCounts(given, ({ type }) => (type === "image" ? 1 : 0), { param: "input", limits });
  const all: VlmMessage[] = [...before];
  for (const [i, item] of input.entries()) {
    if (!("role" in item)) {
      if ("id" in item) all.push(stored.answer(item.id, `input[${i}].id`));
      continue;
    }
    const { role, content } = item;
    const parts: VlmPart[] = [];
    for (const [j, part] of typeof content === "string" ? [] : content.entries()) {
      if (part.type === "text") parts.push(part.text);
      else parts.push({ image: await imageOf(part.url, `input[${i}].content[${j}].image_url`, images) });
    }
    all.push({ role: role === "developer" ? "system" : role, content: typeof content === "string" ? content : parts });
  }
  return all;
}

/** The request's sampling and limits. */
export function toOptions(request: ResponsesRequest, { signal, warn }: Call): VlmOptions {
  return {
    ...toSampling(request),
    ...setFields({ maxTokens: request.max_output_tokens, jsonSchema: schemaOf(request.text?.format) }),
    onWarning: warn,
    signal,
  };
}

function schemaOf(format: NonNullable<ResponsesRequest["text"]>["format"]): object | undefined {
  if (format?.type === "json_schema") return format.schema;
  return format?.type === "json_object" ? ANY_JSON_OBJECT : undefined;
}
