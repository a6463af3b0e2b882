import type { ImageInput } from "../../sdk/index.ts";
import { expectedBut } from "../../sdk/kit.ts";
import { noVideo, type VlmMessage, type VlmOptions, type VlmPart } from "../vision-language-model.ts";

export type Json = Readonly<Record<string, unknown>>;

/** What endpoints differ in. */
export interface Dialect {
  /** What the endpoint calls the most tokens of an answer. */
  readonly maxTokensField: string;
  /** Whether it takes `top_k`, which OpenAI's protocol does not have. */
  readonly takesTopK: boolean;
  /** A content part for an image. */
  image(image: ImageInput, signal: AbortSignal | undefined): Promise<Json>;
}

/**
 * The body of POST /chat/completions.
 * @throws UNSUPPORTED for a `topK` that the endpoint does not take; as `Dialect.image`
 */
export async function requestBody(
  model: string,
  messages: readonly VlmMessage[],
  options: VlmOptions,
  { maxTokensField, takesTopK, image }: Dialect,
): Promise<Json> {
  const { maxTokens, temperature = 0, topK, topP, seed, stop, jsonSchema, signal } = options;
  const part = async (part: VlmPart): Promise<Json> => {
    if (typeof part === "string") return { type: "text", text: part };
    if ("video" in part) throw noVideo("OpenAI's protocol");
    return image(part.image, signal);
  };
  if (topK !== undefined && !takesTopK) {
    const mend = "OpenAI's protocol has no top-k: leave the option topK out.";
    throw expectedBut("UNSUPPORTED", "no topK", "an OpenAI-compatible endpoint", `topK ${topK}`, mend);
  }
  return {
    model,
    messages: await Promise.all(
      messages.map(async ({ role, content }) => ({
        role,
        content: typeof content === "string" ? content : await Promise.all(content.map(part)),
      })),
    ),
    temperature,
    ...(maxTokens !== undefined && { [maxTokensField]: maxTokens }),
    ...(topK !== undefined && { top_k: topK }),
    ...(topP !== undefined && { top_p: topP }),
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && stop.length > 0 && { stop }),
    ...(jsonSchema && {
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: jsonSchema } },
    }),
  };
}
