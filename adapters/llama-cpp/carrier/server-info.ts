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
}

/** Servers from before the marker was random. */
const OLD_MARKER = "<__media__>";

/** Reads GET /props and GET /v1/models. */
export async function readServerInfo(http: HttpClient, signal: AbortSignal | undefined): Promise<ServerInfo> {
  const props = await http.get("props", signal);
  if (fieldAt(props, "modalities", "vision") !== true) {
    throw expectedBut(
      "UNSUPPORTED",
      "image input",
      "the server's model",
      "none",
      "Start the server with --mmproj and the file that `vqrae carrier` writes.",
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

/**
 * Any other mmproj would take a packed image for a picture and answer nonsense: only the carrier makes exactly as many
 * tokens as there are embeddings.
 */
export async function requireCarrier(
  http: HttpClient,
  info: ServerInfo,
  carrier: Carrier,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tokensOf = async (embeddings: number) => {
    const images: string[] = [];
    const data = new Float32Array(embeddings * carrier.embeddingDim);
    const image = {
      segments: [{ type: "embeddings", data, grid: { rows: 1, columns: embeddings }, attention: "causal" }],
      embeddingDim: carrier.embeddingDim,
      tokens: embeddings,
    } as const;
    const text = await packPrompt([image, "a"], carrier, info.mediaMarker, images);
    const prompt = { prompt_string: text, multimodal_data: images };
    const { tokens_evaluated } = await http.post("completion", { prompt, n_predict: 0, cache_prompt: false }, signal);
    return Number(tokens_evaluated);
  };
  const [three, five] = [await tokensOf(3), await tokensOf(5)];
  if (five - three === 2) return;
  const received = `another: 3 embeddings gave ${three} tokens of prompt, 5 gave ${five}`;
  throw expectedBut(
    "UNSUPPORTED",
    "a pixel carrier",
    "the server's mmproj",
    received,
    "Start the server with --mmproj and the file that `vqrae carrier` writes for this model.",
  );
}
