import { setTimeout as wait } from "node:timers/promises";
import type { DecodeOptions, TokenIds } from "../contract/decoder.ts";
import type { EmbedOptions, ImageEmbeddings } from "../contract/embedder.ts";
import type { CodebookInfo, Defaults, Encoded, EncodeOptions, ImageTokens } from "../contract/encoder.ts";
import type { ImageInput, RgbImage, TokenGrid } from "../contract/image.ts";
import { eachImage } from "../contract/image-inputs.ts";
import { requestedOutputs } from "../contract/requested-outputs.ts";
import { checkIds, type DecoderTokens, decoderInput } from "../contract/token-ids.ts";
import type { VisionTokenizer, VisionTokenizerInfo } from "../contract/vision-tokenizer.ts";
import { expectedBut } from "../errors.ts";
import { readImage } from "../image/read/read-image.ts";
import { resize } from "../image/resize/resize.ts";
import { naflexSize } from "../image/tiling/native-size.ts";
import { parseDecodeOptions, parseEmbedOptions, parseEncodeOptions } from "../runtime/options.ts";
import { abortable } from "../runtime/pool/abort.ts";
import { disposedError } from "../runtime/pool/worker-pool.ts";
import { type MockCall, type MockSettings, type MockTokenizerOptions, mockSettings } from "./mock-options.ts";
import * as pixels from "./mock-pixels.ts";

/** A `VisionTokenizer` without weights. `mockTokenizer` makes one. */
export interface MockTokenizer<Ids extends Int32Array | null = Int32Array | null> extends VisionTokenizer<Ids> {
  /** Every call so far, in order, also those that were refused. */
  readonly calls: readonly MockCall[];
}

/**
 * A `VisionTokenizer` without weights, for tests of what uses one. It is small, fast and deterministic: its features are the
 * mean colours of an image's cells, its ids the nearest of a few colours, and its decoder paints those colours.
 *
 * ```ts
 * const tokenizer = mockTokenizer({ grid: { rows: 2, columns: 2 }, codebook: { size: 4 } });
 * const { ids } = await tokenizer.encode("photo.jpg"); // Int32Array of 4 ids, each from 0 to 3
 * tokenizer.calls; // [{ method: "encode", input: "photo.jpg", options: undefined }]
 * ```
 *
 * It keeps the whole contract, errors included: `conformanceTests` passes on it.
 * @throws INVALID_ARGUMENT for an option that is wrong
 */
export function mockTokenizer(options: MockTokenizerOptions & { readonly codebook: null }): MockTokenizer<null>;
export function mockTokenizer(
  options?: MockTokenizerOptions & { readonly codebook?: Partial<CodebookInfo> },
): MockTokenizer<Int32Array>;
export function mockTokenizer(options?: MockTokenizerOptions): MockTokenizer;
export function mockTokenizer(options?: MockTokenizerOptions): MockTokenizer {
  return new Mock(mockSettings(options));
}

class Mock implements MockTokenizer {
  readonly specificationVersion = "v1";
  readonly info: VisionTokenizerInfo;
  readonly calls: MockCall[] = [];
  readonly #settings: MockSettings;
  readonly #running = new Set<Promise<unknown>>();
  #decodeCalls = 0;
  #disposed = false;

  constructor(settings: MockSettings) {
    this.info = settings.info;
    this.#settings = settings;
  }

  encode<const O extends EncodeOptions = Defaults>(
    image: ImageInput,
    options?: O,
  ): Promise<Encoded<Int32Array | null, O>>;
  encode<const O extends EncodeOptions = Defaults>(
    images: readonly ImageInput[],
    options?: O,
  ): Promise<Encoded<Int32Array | null, O>[]>;
  async encode(
    input: ImageInput | readonly ImageInput[],
    options?: EncodeOptions,
  ): Promise<ImageTokens | ImageTokens[]> {
    return this.#serve({ method: "encode", input, options }, () => {
      const { signal, ...asked } = parseEncodeOptions(options);
      const outputs = requestedOutputs(this.info, asked);
      return [signal, (signal) => eachImage(input, signal, (image) => this.#encode(image, outputs))];
    });
  }

  embed(image: ImageInput, options?: EmbedOptions): Promise<ImageEmbeddings>;
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<ImageEmbeddings[]>;
  async embed(
    input: ImageInput | readonly ImageInput[],
    options?: EmbedOptions,
  ): Promise<ImageEmbeddings | ImageEmbeddings[]> {
    return this.#serve({ method: "embed", input, options }, () => {
      const { signal } = parseEmbedOptions(options);
      const embeddingDim = this.#embeddingDim("embed");
      return [signal, (signal) => eachImage(input, signal, (image) => this.#embed(image, embeddingDim))];
    });
  }

  decode(tokens: DecoderTokens, options?: DecodeOptions): Promise<RgbImage>;
  decode(images: readonly DecoderTokens[], options?: DecodeOptions): Promise<RgbImage[]>;
  async decode(
    input: DecoderTokens | readonly DecoderTokens[],
    options?: DecodeOptions,
  ): Promise<RgbImage | RgbImage[]> {
    return this.#serve({ method: "decode", input, options }, () => {
      const { signal, grid: asked, seed } = parseDecodeOptions(options);
      const { many, images, grid } = decoderInput(this.info, input, asked);
      const noise = this.#settings.samples ? (seed ?? this.#decodeCalls++) : null;
      return [
        signal,
        () => {
          const decoded = images.map((tokens) => this.#decode(tokens, grid, noise));
          return many ? decoded : decoded[0]!;
        },
      ];
    });
  }

  async codebookVectors(ids: TokenIds): Promise<Float32Array> {
    return this.#serve({ method: "codebookVectors", input: ids }, () => {
      const { codebook } = this.info;
      if (codebook === null) throw this.#unsupported("codebookVectors", "a codebook");
      const checked = checkIds(ids, codebook.size, "the ids");
      return [undefined, () => pixels.codeVectors(checked, codebook.dim)];
    });
  }

  async views(image: ImageInput): Promise<RgbImage[]> {
    return this.#serve({ method: "views", input: image }, () => [undefined, async () => [await readImage(image)]]);
  }

  async embedViews(image: ImageInput): Promise<RgbImage[]> {
    return this.#serve({ method: "embedViews", input: image }, () => {
      this.#embeddingDim("embedViews");
      return [undefined, async () => [(await this.#read(image)).image]];
    });
  }

  async reconstructionTarget(image: ImageInput): Promise<RgbImage> {
    return this.#serve({ method: "reconstructionTarget", input: image }, () => {
      if (this.info.decodes === null) throw this.#unsupported("reconstructionTarget", "a decoder");
      return [undefined, async () => (await this.#read(image)).image];
    });
  }

  async dispose(): Promise<void> {
    this.calls.push({ method: "dispose" });
    this.#disposed = true;
    await Promise.allSettled(this.#running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Notes the call, lets `prepare` check its arguments, waits as the mock's options say, and does the work. */
  async #serve<T>(call: MockCall, prepare: () => Prepared<T>): Promise<T> {
    this.calls.push(call);
    this.#assertUsable();
    const [signal, work] = prepare();
    const running = abortable(signal, async (signal) => {
      await this.#settings.onCall(call);
      if (this.#settings.delayMs > 0) await wait(this.#settings.delayMs, undefined, { signal });
      return work(signal);
    });
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** The image at the size that its tokens cover. */
  async #read(input: ImageInput): Promise<{ image: RgbImage; grid: TokenGrid }> {
    const image = await readImage(input);
    const { grid, maxTokens } = this.info;
    const { width, height } = grid ? pixels.sizeOf(grid) : naflexSize(image, pixels.TOKEN_SIDE, maxTokens);
    const own = { rows: height / pixels.TOKEN_SIDE, columns: width / pixels.TOKEN_SIDE };
    return { image: resize(image, width, height, "bilinear"), grid: own };
  }

  async #encode(input: ImageInput, { features, ids }: { features: boolean; ids: boolean }): Promise<ImageTokens> {
    this.#assertUsable();
    const { image, grid } = await this.#read(input);
    const { featureDim, codebook } = this.info;
    return {
      grid,
      ...(features && featureDim !== null && this.#features(image, grid, featureDim)),
      ...(ids &&
        codebook && { ids: pixels.nearestCodes(pixels.stripColours(image, grid, codebook.codesPerToken), codebook) }),
    };
  }

  #features(image: RgbImage, grid: TokenGrid, dim: number): Pick<ImageTokens, "features" | "classToken"> {
    const features = pixels.vectorsOf(pixels.stripColours(image, grid, 1), dim);
    return this.#settings.classToken ? { features, classToken: pixels.meanVector(features, dim) } : { features };
  }

  async #embed(input: ImageInput, embeddingDim: number): Promise<ImageEmbeddings> {
    this.#assertUsable();
    const { image, grid } = await this.#read(input);
    const data = pixels.vectorsOf(pixels.stripColours(image, grid, 1), embeddingDim);
    return {
      segments: [
        { type: "text", text: "<image>" },
        { type: "embeddings", data, grid, attention: "causal" },
        { type: "text", text: "</image>" },
      ],
      embeddingDim,
      tokens: grid.rows * grid.columns,
    };
  }

  #decode(tokens: Int32Array | Float32Array, grid: TokenGrid, seed: number | null): RgbImage {
    if (tokens instanceof Int32Array) {
      const strips = this.info.codebook?.codesPerToken ?? 1;
      return pixels.paint(Array.from(tokens, pixels.codeColour), grid, strips, seed);
    }
    const colours = pixels.coloursOf(tokens, tokens.length / (grid.rows * grid.columns));
    return pixels.paint(colours, grid, 1, seed);
  }

  #embeddingDim(call: string): number {
    if (this.info.projector === null) throw this.#unsupported(call, "a projector");
    return this.info.projector.outputDim;
  }

  #assertUsable(): void {
    if (this.#disposed) throw disposedError();
  }

  #unsupported(call: string, part: string) {
    return expectedBut("UNSUPPORTED", `a tokenizer with ${part}`, call, `${this.info.modelId}, which has none`);
  }
}

/** What is done with a call whose arguments are checked. */
type Prepared<T> = readonly [signal: AbortSignal | undefined, work: (signal: AbortSignal) => T | Promise<T>];
