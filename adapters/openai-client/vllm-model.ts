import * as z from "zod";
import type { Embedder, ImageEmbeddings } from "../../sdk/index.ts";
import { expectedBut, isObject, option, parseOptions } from "../../sdk/kit.ts";
import type { VisionLanguageModel } from "../vision-language-model.ts";
import { ChatCompletionsModel, type OpenAiModelOptions, openAiOptions } from "./openai-model.ts";
import type { Json } from "./request.ts";
import { type FloatDtype, torchFile } from "./torch-file.ts";

export interface VllmModelOptions extends OpenAiModelOptions {
  /** Encodes the images: a tokenizer with the projector of the model that is served. You dispose it yourself. */
  readonly tokenizer: Embedder;
  /**
   * How numbers are sent (default "f32"). The server rounds them to its own: send "bf16" to one that runs in bfloat16, and
   * the answer is the same for half the bytes.
   */
  readonly dtype?: FloatDtype;
}

/**
 * The projectors whose models vLLM gives embeddings to (docs/models/supported_models.md, commit 0046f77: those with an E), and
 * whether it wants an image's grid with them.
 */
const PROJECTORS: Readonly<Record<string, { readonly grid: boolean }>> = {
  llava: { grid: false },
  llava_next: { grid: false },
  internvl: { grid: false },
  gemma3: { grid: false },
  qwen2_vl: { grid: true },
  qwen2_5_vl: { grid: true },
  qwen3_vl: { grid: true },
};

const schema = z.strictObject({
  ...openAiOptions,
  tokenizer: z
    .custom<Embedder>((value) => isObject(value) && typeof value.embed === "function")
    .describe("an Embedder, such as what VQRAE.load gives"),
  dtype: option.oneOf("f32", "f16", "bf16"),
});

/**
 * A model that vLLM serves (`vllm serve MODEL --enable-mm-embeds`), whose images this process encodes: tower and projector
 * run here, their embeddings go as `image_embeds`, and the language model answers there. Chat template and places of images are
 * the server's own. Nothing is sent before the first question.
 *
 * ```ts
 * const tokenizer = await VQRAE.load(folder, { projector: await loadProjector(folder) });
 * const model = vllmModel({ baseUrl: "http://127.0.0.1:8000/v1", model: "Qwen/Qwen2.5-VL-3B-Instruct", tokenizer });
 * ```
 *
 * @throws INVALID_ARGUMENT for another option; UNSUPPORTED for a tokenizer without a projector, or with one whose models
 *   vLLM gives no embeddings to. A server that was started without the flag is UNSUPPORTED at the first image.
 */
export function vllmModel(options: VllmModelOptions): VisionLanguageModel {
  const { tokenizer, dtype = "f32", ...rest } = parseOptions(schema, options, "vllmModel");
  const { projector, modelId } = tokenizer.info;
  if (projector === null) {
    const mend = "Load it with the model's projector: `VQRAE.load(folder, { projector })`.";
    throw expectedBut("UNSUPPORTED", "a tokenizer with a projector", "vllmModel", `${modelId}, without one`, mend);
  }
  const { type, patchesPerToken } = projector;
  const known = PROJECTORS[type];
  if (known === undefined) {
    const what = `a projector of ${Object.keys(PROJECTORS).join(", ")}`;
    const mend = "Send the image itself: `openAiModel({ baseUrl, model })`.";
    throw expectedBut("UNSUPPORTED", what, "the embeddings that vLLM takes", type, mend);
  }
  const side = known.grid ? Math.sqrt(patchesPerToken) : null;
  const { maxTokensField = "max_tokens" } = rest;
  return new ChatCompletionsModel(rest, {
    maxTokensField,
    sampling: { topK: "top_k", minP: "min_p", repeatPenalty: "repetition_penalty" },
    name: "embeddings for vLLM",
    image: async (image, signal) => imagePart(await tokenizer.embed(image, signal ? { signal } : {}), side, dtype),
  });
}

/**
 * An image's embeddings as a content part, in the form that `MultiModalContentParser.parse_image_embeds` of
 * vllm/entrypoints/chat_utils.py (commit 001eadc) reads.
 * @param side of the cell of patches that an embedding stands for; null where vLLM wants no grid
 */
function imagePart({ segments, embeddingDim }: ImageEmbeddings, side: number | null, dtype: FloatDtype): Json {
  // The server writes the text around an image itself.
  const inside = segments.slice(
    segments[0]?.type === "text" ? 1 : 0,
    segments.at(-1)?.type === "text" ? -1 : segments.length,
  );
  const parts = inside.flatMap((segment) => (segment.type === "embeddings" ? [segment] : []));
  const [first] = parts;
  if (first === undefined || parts.length < inside.length) {
    const received = "one with text between its embeddings";
    const mend = "Send the image itself: `openAiModel({ baseUrl, model })`.";
    throw expectedBut("UNSUPPORTED", "an image in one piece", "the embeddings that vLLM takes", received, mend);
  }
  const values = joined(parts.map(({ data }) => data));
  const embeds = base64(torchFile(values, [values.length / embeddingDim, embeddingDim], dtype));
  if (side === null) return { type: "image_embeds", image_embeds: embeds };
  const { grid } = first;
  const thw = BigInt64Array.of(1n, BigInt(grid.rows * side), BigInt(grid.columns * side));
  return { type: "image_embeds", image_embeds: { image_embeds: embeds, image_grid_thw: base64(torchFile(thw, [3])) } };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const part of parts) {
    all.set(part, filled);
    filled += part.length;
  }
  return all;
}

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
