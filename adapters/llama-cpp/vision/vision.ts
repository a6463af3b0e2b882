import type { LlamaContext } from "node-llama-cpp";
import * as z from "zod";
import {
  type Embedder,
  type ImageEmbeddings,
  type ImageInput,
  type RgbImage,
  type VideoInput,
  VQRAE,
} from "../../../sdk/index.ts";
import { expected, expectedBut, isObject, option, parseOptions } from "../../../sdk/kit.ts";
import { embedPicture } from "../../prompt/index.ts";
import type { VlmPart } from "../../vision-language-model.ts";
import { ContextInternals, type Unhook } from "../native/node-llama-cpp.ts";
import { readMmprojHeader } from "../source/gguf-pair.ts";
import { decodeWithImages } from "./decode-images.ts";
import { keyedImage, keyedVideo } from "./image-content.ts";
import { ImageLibrary } from "./image-library.ts";
import { PART_BREAK, placeholder, splitAtPlaceholders } from "./placeholder.ts";
import { TokenEmbeddings } from "./token-embeddings.ts";

export interface AttachVisionOptions {
  /** Loaded with a projector as wide as the language model's embeddings. It stays yours to dispose. */
  readonly tokenizer?: Embedder;
  /** In place of a tokenizer: the mmproj GGUF file of the language model. Disposing the vision frees it. */
  readonly mmproj?: string;
  /**
   * Most bytes of embeddings to keep (default 256 MiB); the images that were used last stay. An image that is kept is
   * not encoded again. Give one that was dropped again before the context has to decode it once more.
   */
  readonly cacheBytes?: number;
}

/**
 * What `LlamaVision.prompt` takes between its texts: text, or an image. A path is an image only as `{ image: path }`.
 */
export type PromptPart = string | number | URL | Uint8Array | ArrayBuffer | RgbImage | { readonly image: ImageInput };

const isEmbedder = (value: unknown): boolean =>
  isObject(value) && isObject(value.info) && typeof value.embed === "function";

const schema = z.strictObject({
  tokenizer: option.custom<Embedder>("an Embedder, such as what VQRAE.load gives", isEmbedder),
  mmproj: option.text("an mmproj GGUF file"),
  cacheBytes: option.number("a number of bytes", (value) => value >= 0),
});

const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;
/**
 * At 0.5 KB an image, 3 KB in 13 tiles, some megabytes: more images than all sequences of a usual context have room
 * for.
 */
const MOST_IMAGES = 2 ** 14;
/** A context keeps its last place free, and some text must follow the image. */
const RESERVED_POSITIONS = 2;

/**
 * Lets the sessions of a node-llama-cpp context see images:
 *
 * ```ts
 * const vision = await attachVision(context, { tokenizer });
 * const session = new LlamaChatSession({ contextSequence: context.getSequence() });
 * await session.prompt(await vision.prompt`What is in ${{ image: "photo.jpg" }}?`);
 * ```
 *
 * `attachVision(context, { mmproj: "mmproj.gguf" })` loads the tokenizer from the mmproj that belongs to the model.
 *
 * Embeddings go into the context's own KV cache, so later turns keep what was decoded. Streaming, grammars, abort
 * signals, history and context shift are node-llama-cpp's own and work as they do for text.
 *
 * @throws UNSUPPORTED for a tokenizer without a projector, another version of node-llama-cpp or another platform;
 *   INCOMPATIBLE for a projector of another width than the model's embeddings; INVALID_ARGUMENT for another option, or
 *   a context that has a vision already; with an mmproj as `VQRAE.load`; MISSING_DEPENDENCY, DISPOSED, RUNTIME
 */
export async function attachVision(context: LlamaContext, options: AttachVisionOptions): Promise<LlamaVision> {
  const { tokenizer, mmproj, cacheBytes = DEFAULT_CACHE_BYTES } = parseOptions(schema, options, "attachVision");
  if (mmproj === undefined && tokenizer !== undefined) return attach(context, tokenizer, cacheBytes);
  if (mmproj === undefined || tokenizer !== undefined) {
    const received = mmproj === undefined ? "neither" : "both";
    throw expectedBut("INVALID_ARGUMENT", "a tokenizer or an mmproj", "the options of attachVision", received);
  }
  const { file } = await readMmprojHeader(mmproj);
  const own = await VQRAE.load(file);
  try {
    return await attach(context, own, cacheBytes, () => own.dispose());
  } catch (error) {
    await own.dispose();
    throw error;
  }
}

/** @param release frees what the vision loaded itself */
async function attach(
  context: LlamaContext,
  tokenizer: Embedder,
  cacheBytes: number,
  release = async () => {},
): Promise<LlamaVision> {
  const { projector, modelId, precision } = tokenizer.info;
  if (projector === null) {
    const mend = "Load it with `VQRAE.load(folder, { projector: await loadProjector(folder) })`.";
    throw expectedBut("UNSUPPORTED", "a tokenizer with a projector", "attachVision", `${modelId} without one`, mend);
  }
  const internals = await ContextInternals.open(context);
  if (projector.outputDim !== internals.embeddingDim) {
    const what = `embeddings of width ${internals.embeddingDim}, as the language model takes them`;
    const received = `width ${projector.outputDim}`;
    const mend = "A projector works with the language model that it was trained with.";
    throw expectedBut("INCOMPATIBLE", what, `the projector ${projector.modelId}`, received, mend);
  }
  internals.limitThreads();
  const embeddings = internals.hasAdapters
    ? TokenEmbeddings.none()
    : await TokenEmbeddings.open(context.model.fileInfo, internals.embeddingDim);
  const identity = `${modelId} ${precision} ${projector.modelId}`;
  return new LlamaVision(context, internals, embeddings, tokenizer, { cacheBytes, identity, release });
}

interface LlamaVisionSettings {
  readonly cacheBytes: number;
  /** Encoder and projector, by which images are known again. */
  readonly identity: string;
  readonly release: () => Promise<void>;
}

/** Images in the prompts of one context; made by `attachVision`. */
export class LlamaVision {
  readonly #context: LlamaContext;
  readonly #internals: ContextInternals;
  readonly #tokenizer: Embedder;
  readonly #identity: string;
  readonly #release: () => Promise<void>;
  readonly #library: ImageLibrary;
  readonly #unhook: readonly Unhook[];
  readonly #onContextDispose: { dispose(): void };
  /** Images that are being encoded, so that two prompts with one image encode it once. */
  readonly #running = new Map<string, Promise<ImageEmbeddings>>();
  #disposed = false;

  /** @internal */
  constructor(
    context: LlamaContext,
    internals: ContextInternals,
    embeddings: TokenEmbeddings,
    tokenizer: Embedder,
    { cacheBytes, identity, release }: LlamaVisionSettings,
  ) {
    this.#context = context;
    this.#internals = internals;
    this.#tokenizer = tokenizer;
    this.#identity = identity;
    this.#release = release;
    const library = new ImageLibrary({
      cacheBytes,
      mostImages: MOST_IMAGES,
      multiAxis: internals.hasMultiAxisPositions,
      tokenize: (text) => internals.tokenize(text, true),
    });
    this.#library = library;
    this.#unhook = [
      internals.hookDecoding((request, own) => decodeWithImages(internals, library, embeddings, request, own)),
      internals.hookTokenizer(
        (text) =>
          splitAtPlaceholders(text)?.map((piece) => ("key" in piece ? library.tokensOf(piece.key) : piece.text)) ??
          null,
      ),
    ];
    this.#onContextDispose = context.onDispose.createListener(() => this.dispose());
  }

  /** Images whose embeddings are kept, and the bytes that these take. */
  get cached(): { readonly images: number; readonly bytes: number } {
    return this.#library.cached;
  }

  /**
   * A prompt with images. In `${...}` a string or a number is text, and anything else is an image. Images are encoded
   * here, before the session sees anything, so a bad one leaves the session as it was.
   * @throws as `image`
   */
  async prompt(texts: TemplateStringsArray, ...parts: readonly PromptPart[]): Promise<string> {
    const places = await Promise.all(
      parts.map((part) =>
        typeof part === "string" || typeof part === "number" ? String(part) : this.image(imageOf(part)),
      ),
    );
    return texts.map((text, i) => text + (places[i] ?? "")).join("");
  }

  /**
   * Encodes an image, unless its embeddings are still kept. The result is the text that stands for it in this context's
   * prompts, system prompts and chat histories. The 16,384 images that were used last are known. A text that names an
   * earlier one is an error until you give that image here again.
   * @throws INVALID_IMAGE and others of `Embedder.embed`; CONTEXT_OVERFLOW for an image that takes more tokens than the
   *   context or, where its tokens attend to each other, than a batch; INCOMPATIBLE for embeddings of another width
   *   than the model's; RUNTIME for embeddings that are not finite
   */
  async image(input: ImageInput, { signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
    this.#assertUsable();
    signal?.throwIfAborted();
    const { key, image } = await keyedImage(input, this.#identity, signal);
    return this.#placed(key, { image }, signal);
  }

  /**
   * The same for a video: the text that stands for all of its frames.
   * @throws UNSUPPORTED where the model takes no videos; as `image` and `Embedder.embedVideo`
   */
  async video(input: VideoInput, { signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
    this.#assertUsable();
    signal?.throwIfAborted();
    const { key, video } = await keyedVideo(input, this.#identity, signal);
    return this.#placed(key, { video }, signal);
  }

  async #placed(key: string, picture: Exclude<VlmPart, string>, signal: AbortSignal | undefined): Promise<string> {
    if (!this.#library.has(key)) {
      const embeddings = await this.#embed(key, picture, signal);
      this.#assertUsable();
      this.#require(embeddings);
      this.#library.add(key, embeddings);
    }
    const cells = this.#library.cellsOf(key);
    const most = this.#context.contextSize - RESERVED_POSITIONS;
    if (cells > most) {
      const received = `one of ${cells}`;
      const mend = "Create the context with a larger contextSize, or make the image smaller.";
      const what = `an image of at most ${most} tokens`;
      throw expectedBut("CONTEXT_OVERFLOW", what, `a context of ${this.#context.contextSize}`, received, mend);
    }
    return placeholder(key);
  }

  /**
   * A message's text as its parts: texts, and each image as its own texts and its places' tokens.
   * @internal
   */
  layoutsIn(text: string): (string | (string | number[])[])[] {
    const pieces = splitAtPlaceholders(text) ?? [{ text }];
    return pieces.flatMap((piece): (string | (string | number[])[])[] =>
      "key" in piece ? [this.#library.layoutOf(piece.key)] : piece.text.split(PART_BREAK),
    );
  }

  /**
   * Cells of the KV cache that a prompt's tokens take: one for each token and each embedding.
   * @internal
   */
  cellsIn(tokens: readonly number[]): number {
    return this.#library.cellsIn(tokens);
  }

  /**
   * Takes the hooks out of the context. What its sequences hold stays. A tokenizer that you gave stays yours to dispose, and
   * an mmproj is freed.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const unhook of this.#unhook) unhook();
    this.#onContextDispose.dispose();
    void this.#release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #embed(
    key: string,
    picture: Exclude<VlmPart, string>,
    signal: AbortSignal | undefined,
  ): Promise<ImageEmbeddings> {
    // Encoded for this call alone: its abort must not end the work of others.
    if (signal !== undefined) return embedPicture(this.#tokenizer, picture, { signal });
    const running = this.#running.get(key) ?? embedPicture(this.#tokenizer, picture, {});
    this.#running.set(key, running);
    try {
      return await running;
    } finally {
      this.#running.delete(key);
    }
  }

  #require({ segments, embeddingDim }: ImageEmbeddings): void {
    for (const segment of segments) {
      if (segment.type === "text") continue;
      const { data, grid, times = [0], attention } = segment;
      const rows = times.length * grid.rows * grid.columns;
      if (embeddingDim !== this.#internals.embeddingDim || data.length !== rows * embeddingDim) {
        const what = `${rows} x ${this.#internals.embeddingDim} numbers`;
        const received = `${data.length} of width ${embeddingDim}`;
        throw expectedBut("INCOMPATIBLE", what, "the embeddings of an image", received);
      }
      const bad = data.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) throw expected("RUNTIME", "finite numbers", `the embeddings of an image, at ${bad}`, data[bad]);
      if (attention === "full" && rows > this.#internals.microBatchSize) {
        const received = `${rows} embeddings that attend to each other`;
        const mend = `Create the context with batchSize: ${rows} or more.`;
        const what = `at most ${this.#internals.microBatchSize} embeddings`;
        throw expectedBut("CONTEXT_OVERFLOW", what, "one batch", received, mend);
      }
    }
  }

  #assertUsable(): void {
    if (!this.#disposed && !this.#internals.disposed) return;
    const received = this.#disposed ? "one after dispose()" : "one whose context was disposed";
    throw expectedBut("DISPOSED", "a vision that is in use", "this call", received, "Attach it again.");
  }
}

const imageOf = (part: Exclude<PromptPart, string | number>): ImageInput =>
  isObject(part) && "image" in part ? part.image : part;
