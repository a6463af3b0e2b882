import type { ImageInput } from "../../sdk/index.ts";
import { expectedBut } from "../../sdk/kit.ts";
import { noVideo, requirePlain, type VlmMessage, type VlmOptions, type VlmPart } from "../vision-language-model.ts";

export type Json = Readonly<Record<string, unknown>>;

/** What endpoints differ in. */
export interface Dialect {
  /** What the endpoint calls the most tokens of an answer. */
  readonly maxTokensField: string;
  /** What it calls the sampling that OpenAI's protocol does not have; undefined for what it does not take. */
  readonly sampling: { readonly topK?: string; readonly minP?: string; readonly repeatPenalty?: string };
  /** A content part for an image. */
  image(image: ImageInput, signal: AbortSignal | undefined): Promise<Json>;
  /** What messages call it. */
  readonly name: string;
}

/**
 * The body of POST /chat/completions.
 * @throws UNSUPPORTED for sampling that the endpoint does not take; as `Dialect.image`
 */
export async function requestBody(
  model: string,
  messages: readonly VlmMessage[],
  options: VlmOptions,
  { maxTokensField, sampling, image, name }: Dialect,
): Promise<Json> {
  requirePlain(messages, options, name);
  const { maxTokens, temperature = 0, topP, seed, stop, jsonSchema, signal } = options;
  const { presencePenalty, frequencyPenalty, logitBias } = options;
  const part = async (part: VlmPart): Promise<Json> => {
    if (typeof part === "string") return { type: "text", text: part };
    if ("video" in part) throw noVideo(name);
    return image(part.image, signal);
  };
  const own: Record<string, number> = {};
  for (const option of ["topK", "minP", "repeatPenalty"] as const) {
    const [value, field] = [options[option], sampling[option]];
    if (value === undefined) continue;
    if (field === undefined) {
      const mend = `OpenAI's protocol does not have it: leave the option ${option} out.`;
      throw expectedBut("UNSUPPORTED", `no ${option}`, "an OpenAI-compatible endpoint", `${option} ${value}`, mend);
    }
    own[field] = value;
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
    ...own,
    ...(topP !== undefined && { top_p: topP }),
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
    ...(logitBias !== undefined && { logit_bias: logitBias }),
    ...(seed !== undefined && { seed }),
    ...(stop !== undefined && stop.length > 0 && { stop }),
    ...(jsonSchema && {
      response_format: { type: "json_schema", json_schema: { name: "answer", strict: true, schema: jsonSchema } },
    }),
  };
}
