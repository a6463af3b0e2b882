import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { requireFiniteWeights } from "./checkpoint/finite-weights.ts";
import { loadCheckpoint } from "./checkpoint/load-checkpoint.ts";
import { selectFeatures } from "./checkpoint/select-features.ts";
import { expected, VqraeError, words } from "./errors.ts";
import { readImage } from "./image/read-image.ts";
import { checkSides } from "./image/resize.ts";
import { abortable } from "./runtime/abort.ts";
import { inBatches } from "./runtime/batches.ts";
import { defaultCacheFolder } from "./runtime/cache-folder.ts";
import { chooseDevice } from "./runtime/choose-device.ts";
import { Gate } from "./runtime/gate.ts";
import { makeInt8 } from "./runtime/make-int8.ts";
import { defaultBatchSize, describeCheckpoint } from "./runtime/model.ts";
import { openPool, openPoolOrFallBack, type PoolOptions } from "./runtime/open-pool.ts";
import { type LoadOptions, parseDecodeOptions, parseEncodeOptions, parseLoadOptions } from "./runtime/options.ts";
import { buffersOf } from "./runtime/protocol.ts";
import { findCheckpoint } from "./runtime/source.ts";
import { checkGrid, checkIds, isManyGrids } from "./runtime/token-ids.ts";
import { disposedError, type WorkerPool } from "./runtime/worker-pool.ts";
import type { CodeTables } from "./search/code-tables.ts";
import type {
  DecodeOptions,
  EncodeOptions,
  ImageInput,
  ImageTokens,
  RgbImage,
  TokenIds,
  VisionTokenizer,
  VisionTokenizerInfo,
} from "./vision-tokenizer.ts";

/**
 * A VQRAE checkpoint, or a vision encoder alone, as a `VisionTokenizer`.
 *
 * ```ts
 * const tokenizer = await VQRAE.load("default");
 * const { ids, features } = await tokenizer.encode("photo.jpg");
 * const picture = await tokenizer.decode(ids!);
 * await tokenizer.dispose(); // or `await using tokenizer = ...` where the language level has it
 * ```
 */
export class VQRAE implements VisionTokenizer {
  readonly specificationVersion = "v1";
  readonly info: VisionTokenizerInfo;
  readonly #pool: WorkerPool;
  /** Batches that are read or encoded at a time, over all calls: one for each worker and one that is being read. */
  readonly #gate: Gate;
  readonly #lanes: number;
  readonly #batchSize: number;
  readonly #maxPixels: number | undefined;
  #codes: Promise<CodeTables> | null;
  #disposed = false;

  private constructor(info: VisionTokenizerInfo, pool: WorkerPool, codes: CodeTables | null, settings: Settings) {
    this.info = info;
    this.#pool = pool;
    this.#codes = codes && Promise.resolve(codes);
    this.#lanes = settings.workers + 1;
    this.#gate = new Gate(this.#lanes);
    this.#batchSize = settings.batchSize;
    this.#maxPixels = settings.maxPixels;
  }

  /**
   * Loads a checkpoint. `source` is its folder, or "default" for the small model that ships with the package.
   * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED, MISSING_DEPENDENCY, RUNTIME,
   * INVALID_ARGUMENT; the signal's reason after an abort
   */
  static async load(source: string | "default", options?: LoadOptions): Promise<VQRAE> {
    const {
      device = "auto",
      precision = "fp32",
      workers = 1,
      features,
      onProgress,
      signal,
      ...rest
    } = parseLoadOptions(options);
    if (precision === "int8" && device !== "auto" && device !== "cpu") {
      throw expected(
        "INVALID_ARGUMENT",
        '"auto" or "cpu"',
        'option "device" of VQRAE.load with precision "int8"',
        device,
      );
    }
    return abortable(signal, async (signal) => {
      const report: PoolOptions["report"] = (phase, loaded, total, detail) =>
        onProgress?.({ phase, loaded, total, ...(detail !== undefined && { detail }) });
      report("checkpoint", 0, 1);
      const checkpoint = selectFeatures(await loadCheckpoint(await findCheckpoint(source)), features);
      report("checkpoint", 1, 1);
      signal.throwIfAborted();

      if (rest.checkWeights) {
        await requireFiniteWeights(checkpoint, signal, (loaded, total) => report("weights", loaded, total));
      }
      const encoder =
        precision === "fp32"
          ? checkpoint.encoder
          : await makeInt8(checkpoint.encoder, resolve(rest.cacheDir ?? defaultCacheFolder()), {
              report: (loaded, total) => report("quantize", loaded, total),
              signal,
            });
      report("device", 0, 1);
      const wanted = await chooseDevice(device, precision);
      report("device", 1, 1, `${wanted.device} (${wanted.reason})`);
      signal.throwIfAborted();

      const threads = rest.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
      const { warmup = false, prepack = false } = rest;
      const poolOptions = { encoder, precision, prepack, workers, threads, warmup, signal, report };
      const open = device === "auto" ? openPoolOrFallBack : openPool;
      const { pool, codes, chosen } = await open(checkpoint, wanted, poolOptions);
      const info = describeCheckpoint(checkpoint, chosen, precision);
      const batchSize = rest.batchSize ?? defaultBatchSize(checkpoint);
      return new VQRAE(info, pool, codes, { workers, batchSize, maxPixels: rest.maxPixels });
    });
  }

  /** @throws INVALID_IMAGE, IMAGE_TOO_LARGE, INVALID_ARGUMENT, UNSUPPORTED, DISPOSED, RUNTIME; see `VisionTokenizer`. */
  encode(image: ImageInput, options?: EncodeOptions): Promise<ImageTokens>;
  encode(images: readonly ImageInput[], options?: EncodeOptions): Promise<ImageTokens[]>;
  async encode(
    input: ImageInput | readonly ImageInput[],
    options?: EncodeOptions,
  ): Promise<ImageTokens | ImageTokens[]> {
    const { signal, ...asked } = parseEncodeOptions(options);
    const { features, ids } = this.#outputs(asked);
    this.#assertUsable();
    const many = isManyImages(input);
    const inputs = many ? [...input] : [input];
    const results = await abortable(signal, (signal) =>
      inBatches({
        count: inputs.length,
        size: this.#batchSize,
        lanes: this.#lanes,
        gate: this.#gate,
        signal,
        read: (index) => this.#read(inputs[index]!, many ? index : null),
        run: async (images): Promise<ImageTokens[]> => {
          const codes = ids ? await this.#codeTables() : null;
          const transfer = buffersOf(images.map((image) => image.data));
          return this.#pool.run("encode", { images, features, codes }, { transfer, signal });
        },
      }),
    );
    return many ? results : results[0]!;
  }

  /**
   * An array of numbers is the ids of one image (an empty one is a wrong count); an array of arrays is many images.
   * @throws INVALID_ARGUMENT, UNSUPPORTED, DISPOSED, RUNTIME; see `VisionTokenizer`.
   */
  decode(ids: TokenIds, options?: DecodeOptions): Promise<RgbImage>;
  decode(grids: readonly TokenIds[], options?: DecodeOptions): Promise<RgbImage[]>;
  async decode(input: TokenIds | readonly TokenIds[], options?: DecodeOptions): Promise<RgbImage | RgbImage[]> {
    const { signal } = parseDecodeOptions(options);
    const { codebook, outputSize, grid } = this.info;
    if (codebook === null || outputSize === null || grid === null) throw this.#unsupported("decode", "a decoder");
    this.#assertUsable();
    const many = isManyGrids(input);
    const grids = many
      ? input.map((ids, i) => checkGrid(ids, grid, codebook.size, `grids[${i}]`))
      : [checkGrid(input, grid, codebook.size, "the ids of one image")];
    const starts = Array.from({ length: Math.ceil(grids.length / this.#batchSize) }, (_, i) => i * this.#batchSize);
    const batches = await abortable(signal, (signal) =>
      Promise.all(
        starts.map((start) => {
          const batch = grids.slice(start, start + this.#batchSize);
          return this.#pool.run("decode", { grids: batch }, { transfer: buffersOf(batch), signal });
        }),
      ),
    );
    const images = batches.flat();
    return many ? images : images[0]!;
  }

  /**
   * The images that the checkpoint's own model gives its encoder for one image, in its order: InternVL's tiles and then
   * the thumbnail, LLaVA 1.6's whole image and then the tiles; for most checkpoints the image alone, as it was read.
   * `encode(await tokenizer.views(photo))` gives what that model's own code gives. `encode(photo)` sees the whole image
   * only: of tiles the thumbnail, or LLaVA's first view.
   * @throws as `encode`
   */
  async views(image: ImageInput): Promise<RgbImage[]> {
    return this.#gate.run(async () => {
      const read = await this.#read(image, null);
      return this.#pool.run("views", { image: read }, { transfer: buffersOf([read.data]) });
    });
  }

  /**
   * What a perfect `decode(encode(image))` would give: the part of the image that the encoder sees, at `outputSize`.
   * Reconstructions are measured against it.
   * @throws UNSUPPORTED without a decoder, and as `encode`
   */
  async reconstructionTarget(image: ImageInput): Promise<RgbImage> {
    const { outputSize } = this.info;
    if (outputSize === null) throw this.#unsupported("reconstructionTarget", "a decoder");
    return this.#gate.run(async () => {
      const read = await this.#read(image, null);
      return this.#pool.run("target", { image: read, side: outputSize.width }, { transfer: buffersOf([read.data]) });
    });
  }

  /** @throws INVALID_ARGUMENT, UNSUPPORTED, DISPOSED, RUNTIME; see `VisionTokenizer`. */
  async codebookVectors(ids: TokenIds): Promise<Float32Array> {
    const { codebook } = this.info;
    if (codebook === null) throw this.#unsupported("codebookVectors", "a codebook");
    this.#assertUsable();
    const checked = checkIds(ids, codebook.size, "the ids");
    if (checked.length === 0) return new Float32Array(0);
    return this.#pool.run("codebook", { ids: checked }, { transfer: buffersOf([checked]) });
  }

  /** Lets the batches that are running finish, rejects what waits with DISPOSED, and ends the worker threads. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.#pool.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Made by one worker when ids are first asked for, and shared by all. A failure is not kept. */
  #codeTables(): Promise<CodeTables> {
    this.#codes ??= this.#pool.run("codes", null).catch((error: unknown) => {
      this.#codes = null;
      throw error;
    });
    return this.#codes;
  }

  async #read(input: ImageInput, index: number | null): Promise<RgbImage> {
    this.#assertUsable();
    try {
      // Always new memory, so it can be handed to a worker.
      const image = await readImage(input, this.#maxPixels === undefined ? {} : { maxPixels: this.#maxPixels });
      // Workers check it too, but know neither the image's place nor which of a batch's images it is.
      checkSides(image);
      return image;
    } catch (error) {
      if (index === null || !VqraeError.isInstance(error)) throw error;
      throw new VqraeError(error.code, `images[${index}]: ${error.message}`, { cause: error });
    }
  }

  #outputs({ features = true, ids }: { features?: boolean | undefined; ids?: boolean | undefined }) {
    const hasCodebook = this.info.codebook !== null;
    if (ids === true && !hasCodebook) throw this.#unsupported("encode with ids", "a codebook");
    const wantIds = ids ?? hasCodebook;
    if (!features && !wantIds) {
      const received = words(
        `features: false and ids: ${ids === undefined ? "undefined, without a codebook" : "false"}`,
      );
      throw expected("INVALID_ARGUMENT", "features or ids to compute", "the options of encode", received);
    }
    return { features, ids: wantIds };
  }

  #assertUsable(): void {
    if (this.#disposed) throw disposedError();
  }

  #unsupported(call: string, part: string): VqraeError {
    return expected("UNSUPPORTED", `a checkpoint with ${part}`, call, words(`${this.info.modelId}, which has none`));
  }
}

interface Settings {
  readonly workers: number;
  readonly batchSize: number;
  readonly maxPixels: number | undefined;
}

const isManyImages = (input: ImageInput | readonly ImageInput[]): input is readonly ImageInput[] =>
  Array.isArray(input);
