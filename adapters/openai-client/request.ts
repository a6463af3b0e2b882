import { expectedBut } from "../../sdk/kit.ts";
import type { VlmMessage, VlmOptions, VlmPart } from "../vision-language-model.ts";
import { imageUrl } from "./image-url.ts";

export type Json = Readonly<Record<string, unknown>>;

/**
 * The body of POST /chat/completions.
 * @throws UNSUPPORTED for `topK`, which the protocol does not have; as `imageUrl`
 */
export async function requestBody(
  model: string,
  messages: readonly VlmMessage[],
  options: VlmOptions,
  maxTokensField: string,
): Promise<Json> {
  const { maxTokens, temperature = 0, topK, topP, seed, stop, jsonSchema } = options;
  if (topK !== undefined) {
    const mend = "OpenAI's protocol has no top-k: leave the option topK out.";
    throw expectedBut("UNSUPPORTED", "no topK", "an OpenAI-compatible endpoint", `topK ${topK}`, mend);
  }
  return {
    model,
    messages: await Promise.all(messages.map(async ({ role, content }) => ({ role, content: await parts(content) }))),
    temperature,
    ...(maxTokens !== undefined && { [maxTokensField]: maxTokens }),
    ...(topP !== undefined && { top_p: topP }),
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && stop.length > 0 && { stop }),
    ...(jsonSchema && {
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: jsonSchema } },
    }),
  };
}

async function parts(content: string | readonly VlmPart[]): Promise<string | Json[]> {
  if (typeof content === "string") return content;
  return Promise.all(
    content.map(async (part) =>
      typeof part === "string"
        ? { type: "text", text: part }
        : { type: "image_url", image_url: { url: await imageUrl(part.image) } },
    ),
  );
}
