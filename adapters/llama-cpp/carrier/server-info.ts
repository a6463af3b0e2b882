import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";
import type { Carrier } from "./carrier.ts";
import type { HttpClient } from "./http.ts";
import { packPrompt } from "./segments.ts";

export interface ServerInfo {
  /** The model's alias or file name. */
  readonly model: string;
  /** Width of the model's embeddings. */
  readonly embeddingDim: number;
  /** Tokens that one slot's context holds. */
  readonly contextSize: number;
  /** Stands for an image in a prompt; another one each time the server starts. */
  readonly mediaMarker: string;
  /** What its mmproj takes: embeddings where it is a pixel carrier, images where it is the model's own. */
  readonly takes: "embeddings" | "images";
}

/** What a server says of itself, before its mmproj is tried. */
export type ServerProps = Omit<ServerInfo, "takes">;

/** Servers from before the marker was random. */
const OLD_MARKER = "<__media__>";

/** Reads GET /v1/models, beside what GET /props gave. @throws UNSUPPORTED, SERVER_ERROR */
export async function readServerInfo(
  http: HttpClient,
  props: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<ServerProps> {
  if (fieldAt(props, "modalities", "vision") !== true) {
    throw expectedBut(
      "UNSUPPORTED",
      "image input",
      "the server's model",
      "none",
      "Start the server with --mmproj and the model's own file, or the one that `vqrae carrier` writes.",
    );
  }
  const models = await http.get("v1/models", signal);
  return {
    model: typeof props.model_alias === "string" ? props.model_alias : "",
    embeddingDim: count(fieldAt(models, "data", 0, "meta", "n_embd"), "meta.n_embd of GET /v1/models"),
    contextSize: contextSizeOf(props),
    mediaMarker: typeof props.media_marker === "string" ? props.media_marker : OLD_MARKER,
  };
}

/** What lies in a JSON value at a path of names and places; undefined where there is nothing. */
export const fieldAt = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (isObject(inner) || Array.isArray(inner) ? Reflect.get(inner, key) : undefined),
    value,
  );

/** Tokens that one slot's context holds, by GET /props. @throws SERVER_ERROR */
export const contextSizeOf = (props: unknown): number =>
  count(fieldAt(props, "default_generation_settings", "n_ctx"), "default_generation_settings.n_ctx of GET /props");

/** A size in the server's answer. @throws SERVER_ERROR */
export function count(value: unknown, subject: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw expected("SERVER_ERROR", "a whole number", subject, value, "Update llama-server.");
}

/** Of the letter behind the image and what the server puts before a prompt. */
const MOST_TEXT_TOKENS = 4;

/**
 * Whether the server's mmproj is a pixel carrier. Only a carrier makes exactly as many tokens as there are embeddings.
 * Any other takes a packed image for a picture.
 */
export async function takesEmbeddings(
  http: HttpClient,
  { mediaMarker }: ServerProps,
  carrier: Carrier,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const tokensOf = async (embeddings: number) => {
    const data = new Float32Array(embeddings * carrier.embeddingDim);
    const image = {
      segments: [{ type: "embeddings", data, grid: { rows: 1, columns: embeddings }, attention: "causal" }],
      embeddingDim: carrier.embeddingDim,
      tokens: embeddings,
    } as const;
    const { text, images } = await packPrompt([image, "a"], { mediaMarker, carrier });
    const prompt = { prompt_string: text, multimodal_data: images };
    const { tokens_evaluated } = await http.post("completion", { prompt, n_predict: 0, cache_prompt: false }, signal);
    return Number(tokens_evaluated);
  };
  const [three, five] = [await tokensOf(3), await tokensOf(5)];
  return five - three === 2 && three <= 3 + MOST_TEXT_TOKENS;
}
