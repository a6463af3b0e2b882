import { setFields } from "../../../sdk/kit.ts";
import { ANY_JSON_OBJECT, type VlmMessage, type VlmOptions, type VlmPart } from "../../vision-language-model.ts";
import { imageOf } from "../images/image-source.ts";
import type { Call } from "../route.ts";
import type { ChatRequest } from "./chat-request.ts";
import { checkCounts } from "./check-counts.ts";
import { toSampling } from "./sampling.ts";

/** The request's conversation, images of other servers fetched. @throws ApiError 400 */
export async function toMessages({ messages }: ChatRequest, { images, limits }: Call): Promise<VlmMessage[]> {
  checkCounts(
    messages.map(({ content }) => content),
    ({ type }) => type === "image_url",
    { param: "messages", limits },
  );
  const all: VlmMessage[] = [];
  for (const [i, { role, content }] of messages.entries()) {
    const parts: VlmPart[] = [];
    for (const [j, part] of typeof content === "string" ? [] : content.entries()) {
      if (part.type === "text") parts.push(part.text);
      else {
        const param = `messages[${i}].content[${j}].image_url.url`;
        parts.push({ image: await imageOf(part.image_url.url, param, images) });
      }
    }
    all.push({ role: role === "developer" ? "system" : role, content: typeof content === "string" ? content : parts });
  }
  return all;
}

/** The request's sampling and limits. */
export function toOptions(request: ChatRequest, { signal, warn }: Call): VlmOptions {
  return {
    ...toSampling(request),
    ...setFields({
      maxTokens: request.max_completion_tokens ?? request.max_tokens,
      jsonSchema: schemaOf(request.response_format),
    }),
    onWarning: warn,
    signal,
  };
}

function schemaOf(format: ChatRequest["response_format"]): object | undefined {
  if (format?.type === "json_schema") return format.json_schema.schema;
  return format?.type === "json_object" ? (format.schema ?? ANY_JSON_OBJECT) : undefined;
}
