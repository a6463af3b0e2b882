import { availableParallelism } from "node:os";
import type { Checkpoint } from "./checkpoint/checkpoint.ts";
import { loadCheckpoint } from "./checkpoint/load-checkpoint.ts";
import { expected, VqraeError, words } from "./errors.ts";
import { buildDecoderGraph } from "./graph/decoder.ts";
import { buildEncoderGraph } from "./graph/encoder.ts";
import { buildCodebookGraph, buildQuantizerGraph } from "./graph/quantizer.ts";
import { readImage } from "./image/read-image.ts";
import { abortable } from "./runtime/abort.ts";
import { Gate } from "./runtime/gate.ts";
import {
  type LoadOptions,
  type LoadProgress,
  parseDecodeOptions,
  parseEncodeOptions,
  parseLoadOptions,
} from "./runtime/options.ts";
import { buffersOf, type GraphName, type GraphSource } from "./runtime/protocol.ts";
import { findCheckpoint } from "./runtime/source.ts";
import { checkGrid, checkIds, isManyGrids } from "./runtime/token-ids.ts";
import { disposedError, WorkerPool } from "./runtime/worker-pool.ts";
import type {
  DecodeOptions,
  EncodeOptions,
  ImageInput,
  ImageTokens,
  RgbImage,
  TokenGrid,
  TokenIds,
  VisionTokenizer,
  VisionTokenizerInfo,
} from "./vision-tokenizer.ts";

/** Tokens in one graph run by default: enough to fill the matrix units, little enough that an abort is soon obeyed. */
const TOKENS_PER_RUN = 2048;
const MAX_DEFAULT_BATCH = 8;
/** A batch is closed early once its decoded images have this many pixels (3 bytes each), which bounds memory. */
const PIXELS_PER_BATCH = 32e6;

/**
 * A VQRAE checkpoint, or a vision encoder alone, as a `VisionTokenizer`.
 *
 * ```ts
 * await using tokenizer = await VQRAE.load("default");
 * const { ids, features } = await tokenizer.encode("photo.jpg");
 * const picture = await tokenizer.decode(ids!);
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
  #disposed = false;

  private constructor(info: VisionTokenizerInfo, pool: WorkerPool, settings: Settings) {
    this.info = info;
    this.#pool = pool;
    this.#lanes = settings.workers + 1;
    this.#gate = new Gate(this.#lanes);
    this.#batchSize = settings.batchSize;
    this.#maxPixels = settings.maxPixels;
  }

  /**
   * Loads a checkpoint. `source` is its folder, or "default" for the small model that ships with the package.
   * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, MISSING_DEPENDENCY, INVALID_ARGUMENT; the signal's
   * reason after an abort
   */
  static async load(source: string | "default", options?: LoadOptions): Promise<VQRAE> {
    const { device = "auto", workers = 1, onProgress, signal, ...rest } = parseLoadOptions(options);
    return abortable(signal, async (signal) => {
      const report = (phase: LoadProgress["phase"], loaded: number, total: number) =>
        onProgress?.({ phase, loaded, total });
      report("checkpoint", 0, 1);
      const checkpoint = await loadCheckpoint(await findCheckpoint(source));
      report("checkpoint", 1, 1);
      signal.throwIfAborted();

      const graphs = buildGraphs(checkpoint, (loaded, total) => report("graphs", loaded, total));
      const provider = device === "auto" ? "cpu" : device;
      const threads = rest.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
      const { image, encoder } = checkpoint;
      const setup = { graphs, image, patchSize: encoder.patchSize, device: provider, threads } as const;
      const pool = new WorkerPool({ size: workers, setup });
      try {
        report("session", 0, 1);
        await pool.run("open", { graph: "encoder" }, { signal });
        report("session", 1, 1);
        signal.throwIfAborted();
      } catch (error) {
        await pool.dispose();
        throw error;
      }
      const batchSize = rest.batchSize ?? defaultBatchSize(encoder.grid ** 2);
      const info = describeCheckpoint(checkpoint, provider);
      return new VQRAE(info, pool, { workers, batchSize, maxPixels: rest.maxPixels });
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
    const want = this.#outputs(asked);
    this.#assertUsable();
    const many = isManyImages(input);
    const inputs = many ? [...input] : [input];
    const results: ImageTokens[] = new Array(inputs.length);
    let next = 0;

    // Each lane takes the next images until none is left. A batch is read one image after the other, so that it can be
    // closed early when its images are large; the lanes overlap reading with encoding.
    const lane = async (signal: AbortSignal): Promise<void> => {
      while (next < inputs.length) {
        await this.#gate.run(async () => {
          const indices: number[] = [];
          const images: RgbImage[] = [];
          let pixels = 0;
          while (next < inputs.length && images.length < this.#batchSize && pixels < PIXELS_PER_BATCH) {
            signal.throwIfAborted();
            const index = next++;
            const image = await this.#read(inputs[index]!, many ? index : null);
            pixels += image.width * image.height;
            indices.push(index);
            images.push(image);
          }
          if (images.length === 0) return;
          const transfer = buffersOf(images.map((image) => image.data));
          const encoded = await this.#pool.run("encode", { images, ...want }, { transfer, signal });
          indices.forEach((index, i) => {
            results[index] = { grid: this.info.grid, ...encoded[i]! };
          });
        });
      }
    };
    await abortable(signal, (signal) => Promise.all(Array.from({ length: this.#lanes }, () => lane(signal))));
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
    if (codebook === null || outputSize === null) throw this.#unsupported("decode", "a decoder");
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

  async #read(input: ImageInput, index: number | null): Promise<RgbImage> {
    this.#assertUsable();
    try {
      // Always new memory, so it can be handed to a worker.
      return await readImage(input, this.#maxPixels === undefined ? {} : { maxPixels: this.#maxPixels });
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

const defaultBatchSize = (tokens: number): number =>
  Math.min(MAX_DEFAULT_BATCH, Math.max(1, Math.floor(TOKENS_PER_RUN / tokens)));

/** Every graph that the checkpoint has the weights for. */
function buildGraphs(
  checkpoint: Checkpoint,
  report: (loaded: number, total: number) => void,
): Partial<Record<GraphName, GraphSource>> {
  const builders: [GraphName, (checkpoint: Checkpoint) => GraphSource][] = [["encoder", buildEncoderGraph]];
  if (checkpoint.quantizer) builders.push(["quantizer", buildQuantizerGraph], ["codebook", buildCodebookGraph]);
  if (checkpoint.quantizer && checkpoint.decoder) builders.push(["decoder", buildDecoderGraph]);
  const graphs: Partial<Record<GraphName, GraphSource>> = {};
  builders.forEach(([name, build], done) => {
    report(done, builders.length);
    graphs[name] = build(checkpoint);
  });
  report(builders.length, builders.length);
  return graphs;
}

function describeCheckpoint(checkpoint: Checkpoint, device: string): VisionTokenizerInfo {
  const { modelId, image, encoder, quantizer, decoder } = checkpoint;
  const square = (side: number) => Object.freeze({ width: side, height: side });
  const grid: TokenGrid = Object.freeze({ rows: encoder.grid, columns: encoder.grid });
  return Object.freeze({
    modelId,
    inputSize: square(image.size),
    outputSize: quantizer && decoder ? square(decoder.grid * decoder.patchSize) : null,
    grid,
    featureDim: encoder.hiddenSize,
    codebook: quantizer && Object.freeze({ size: quantizer.size, dim: quantizer.dim }),
    device,
    precision: "fp32",
  });
}
