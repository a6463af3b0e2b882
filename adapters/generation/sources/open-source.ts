import { expected, expectedBut, setFields } from "../../../sdk/kit.ts";
import type { GgufFile } from "../../gguf/index.ts";
import { TokenServer } from "../../llama-cpp/carrier/index.ts";
import { type LanguageModel, openLanguageModel } from "../../llama-cpp/index.ts";
import type { LoadGeneratorOptions } from "../load-options.ts";
import type { HeadFormat } from "../vocabulary/id-format.ts";
import { readJanusPrompts } from "../vocabulary/janus-prompt.ts";
import { bosToken, vocabularySize } from "../vocabulary/metadata.ts";
import type { IdFormat, VisualVocabulary } from "../vocabulary/visual-vocabulary.ts";
import { IdHeadIds } from "./id-head.ts";
import type { IdSource } from "./id-source.ts";
import { LlamaCppIds } from "./llama-cpp.ts";
import { LlamaServerIds } from "./llama-server.ts";

const DEFAULT_IMAGES = 8;
/** What the keys and values of all images may take, where nobody says how many images. */
const CACHE_BYTES = 2 * 2 ** 30;
/** Tokens of a prompt that there is room for. */
const DEFAULT_PROMPT = 512;

/** The shortest prompt is begin-of-image alone; the last id is drawn, never decoded. */
const leastContext = ({ grid }: IdFormat): number => grid.rows * grid.columns;

/**
 * llama.cpp in this process, or the server at `server`.
 * @throws UNSUPPORTED for a server of ids that are no tokens; as `loadGenerator`
 */
export async function openSource(
  gguf: GgufFile,
  server: string | URL | undefined,
  format: VisualVocabulary | HeadFormat,
  options: LoadGeneratorOptions,
): Promise<IdSource> {
  const { batch = "exact" } = options;
  if ("head" in format) {
    if (server !== undefined) throw noServer();
    const prompts = readJanusPrompts(gguf);
    const { llm, imagesAtOnce } = await openLlm(gguf, format, options);
    const total = format.grid.rows * format.grid.columns;
    return new IdHeadIds(llm, format.head, prompts, total, { imagesAtOnce, batching: batch });
  }
  if (server !== undefined) return openServer(gguf, server, format, options);
  const { llm, imagesAtOnce } = await openLlm(gguf, format, options);
  return new LlamaCppIds(llm, format, bosToken(gguf), { imagesAtOnce, batching: batch });
}

const noServer = () =>
  expectedBut(
    "UNSUPPORTED",
    "llama.cpp in this process, whose embeddings and hidden states Janus' ids need,",
    "image generation",
    "a llama-server, which has neither",
    "Leave out `server`.",
  );

/** Two sequences for each image that is drawn at a time: with the prompt and without. */
async function openLlm(
  gguf: GgufFile,
  format: IdFormat,
  options: LoadGeneratorOptions,
): Promise<{ readonly llm: LanguageModel; readonly imagesAtOnce: number }> {
  const { gpu, threads, batch = "exact", onProgress, signal } = options;
  const contextSize = contextSizeOf(gguf, format, options.contextSize);
  // Which tokens meet at an expert depends on the other images: what agrees in one step may not in the next.
  const alone = batch === "exact" && numberOf(gguf, "expert_count", 0) > 0;
  const imagesAtOnce = alone ? 1 : (options.imagesAtOnce ?? imagesThatFit(gguf, contextSize));
  const llm = await openLanguageModel(gguf.file, {
    contextSize,
    sequences: 2 * imagesAtOnce,
    ...setFields({ gpu, threads, onProgress, signal }),
  });
  return { llm, imagesAtOnce };
}

async function openServer(
  gguf: GgufFile,
  url: string | URL,
  vocabulary: VisualVocabulary,
  { apiKey, onProgress, signal }: LoadGeneratorOptions,
): Promise<IdSource> {
  onProgress?.("llm");
  const server = await TokenServer.connect(url, setFields({ apiKey, signal }));
  const size = vocabularySize(gguf);
  if (server.vocabularySize !== size) {
    const received = `one with ${server.vocabularySize}`;
    const what = `a model with ${size} tokens, as ${gguf.file} has,`;
    throw expectedBut("INCOMPATIBLE", what, `the server at ${url}`, received, "Does it serve that file?");
  }
  const least = leastContext(vocabulary) + 1;
  if (server.contextSize < least) {
    const mend = "Start the server with a larger --ctx-size.";
    throw expected("CONTEXT_OVERFLOW", `at least ${least} tokens`, "the server's context", server.contextSize, mend);
  }
  return new LlamaServerIds(server, vocabulary, bosToken(gguf));
}

/** @throws INVALID_GGUF for a model that knows no context long enough for an image; INVALID_ARGUMENT */
function contextSizeOf(gguf: GgufFile, format: IdFormat, asked: number | undefined): number {
  const { rows, columns } = format.grid;
  const least = leastContext(format);
  const { file, metadata } = gguf;
  const known = metadata.get(`${metadata.get("general.architecture")?.value}.context_length`)?.value;
  const trained = typeof known === "number" ? known : Number.POSITIVE_INFINITY;
  if (trained < least) {
    const what = `a model that knows contexts of ${least} tokens, an image of ${rows} x ${columns} ids,`;
    throw expectedBut("INVALID_GGUF", what, file, `one trained with ${trained}`);
  }
  if (asked === undefined) return Math.min(trained, least + DEFAULT_PROMPT);
  if (asked >= least) return asked;
  const what = `a whole number of at least ${least}, an image of ${rows} x ${columns} ids,`;
  throw expected("INVALID_ARGUMENT", what, 'option "contextSize" of loadGenerator', asked);
}

/** As many as the default, or fewer where the model's keys and values are large: at least one. */
export function imagesThatFit(gguf: GgufFile, contextSize: number): number {
  const heads = numberOf(gguf, "attention.head_count", 1);
  const width = numberOf(gguf, "embedding_length", 0) / heads;
  const numbers = numberOf(gguf, "attention.key_length", width) + numberOf(gguf, "attention.value_length", width);
  const aTokenAndLayer = 2 * numbers * numberOf(gguf, "attention.head_count_kv", heads); // float16
  const image = 2 * contextSize * aTokenAndLayer * numberOf(gguf, "block_count", 0);
  return Math.max(1, Math.min(DEFAULT_IMAGES, Math.floor(CACHE_BYTES / image)));
}

/** Of the architecture's own keys. A list, where layers differ, counts with its largest number. */
function numberOf({ metadata }: GgufFile, key: string, missing: number): number {
  const value: unknown = metadata.get(`${metadata.get("general.architecture")?.value}.${key}`)?.value;
  if (typeof value === "number") return value;
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<unknown>) : [];
  return list.reduce<number>((most, one) => (typeof one === "number" ? Math.max(most, one) : most), 0) || missing;
}
