import { availableParallelism } from "node:os";
import { type Classifier, type ClassifyOptions, type ClassScore, topClasses } from "./contract/classifier.ts";
import type { DecodeOptions, TokenIds } from "./contract/decoder.ts";
import type { EmbedOptions, ImageEmbeddings } from "./contract/embedder.ts";
import type { Defaults, Encoded, EncodeOptions, ImageTokens } from "./contract/encoder.ts";
import type { DecodeFeaturesOptions, FeatureDecoder } from "./contract/feature-decoder.ts";
import type { IdHead } from "./contract/id-head.ts";
import type { ImageInput, ImageRegion, ImageSize, RgbImage } from "./contract/image.ts";
import { atImage, isManyImages } from "./contract/image-inputs.ts";
import { requestedOutputs } from "./contract/requested-outputs.ts";
import { checkIds, type DecoderTokens, decoderInput, featureDecoderInput } from "./contract/token-ids.ts";
import type { VideoInput } from "./contract/video.ts";
import type { VisionTokenizer, VisionTokenizerInfo } from "./contract/vision-tokenizer.ts";
import { expected, expectedBut, present, type VqraeError } from "./errors.ts";
import { seenRegion } from "./image/seen-region.ts";
import { type ViewPlan, videoPlanOf } from "./image/view-plan.ts";
import { chooseDevice } from "./runtime/devices/choose-device.ts";
import { type DrawnPictures, drawnPictures } from "./runtime/drawing/drawn-pictures.ts";
import { ImageReader } from "./runtime/images/image-reader.ts";
import { prepareVideo } from "./runtime/images/prepare-video.ts";
import {
  type LoadOptions,
  parseClassifyOptions,
  parseDecodeFeaturesOptions,
  parseDecodeOptions,
  parseEmbedOptions,
  parseEncodeOptions,
  parseLoadOptions,
} from "./runtime/options.ts";
import { abortable } from "./runtime/pool/abort.ts";
import { type EachImage, inBatches, runBatches } from "./runtime/pool/batches.ts";
import { Gate } from "./runtime/pool/gate.ts";
import type { JobPool } from "./runtime/pool/job-pool.ts";
import { buffersOf, type Jobs } from "./runtime/pool/protocol.ts";
import { disposedError } from "./runtime/pool/worker-pool.ts";
import { defaultBatchSize } from "./runtime/sessions/build-graphs.ts";
import { idHeadOf } from "./runtime/sessions/id-head-of.ts";
import { modelInfo } from "./runtime/sessions/model-info.ts";
import { openModel } from "./runtime/sessions/open-model.ts";
import { type OpenedPool, openPool, openPoolOrFallBack, type PoolOptions } from "./runtime/sessions/open-pool.ts";
import type { Codes } from "./search/sign-codes.ts";
import { setFields } from "./set-fields.ts";

/**
 * A VQRAE checkpoint, or a vision encoder alone, as a `VisionTokenizer`.
 *
 * ```ts
 * const tokenizer = await VQRAE.load("default");
 * const { ids, features } = await tokenizer.encode("photo.jpg");
 * const picture = await tokenizer.decode(ids);
 * await tokenizer.dispose(); // or `await using tokenizer = ...` where the language level has it
 * ```
 */
export class VQRAE<out Ids extends Int32Array | null = Int32Array | null>
  implements VisionTokenizer<Ids>, Classifier, FeatureDecoder
{
  readonly specificationVersion = "v1";
  readonly info: VisionTokenizerInfo<Ids>;
  readonly labels: readonly string[] | null;
  readonly decodedFeatureDim: number | null;
  /** Of a model whose ids are no tokens of its language model, such as Janus; null for others. */
  readonly idHead: IdHead | null;
  readonly #pool: JobPool<Jobs>;
  /** null for a decoder that computes its pixels at once, or none. */
  readonly #drawn: DrawnPictures | null;
  readonly #images: ImageReader;
  /** Batches that are read or encoded at a time, over all calls: one for each worker and one that is being read. */
  readonly #gate: Gate;
  readonly #lanes: number;
  readonly #batchSize: number;
  readonly #takesVideo: boolean;
  readonly #plan: ViewPlan;
  #codes: Promise<Codes> | null;
  #disposed = false;

  private constructor(
    { info, labels, decodedFeatureDim, idHead, takesVideo, plan }: Facts<Ids>,
    threads: Threads,
    batchSize: number,
    lanes: number,
  ) {
    this.info = info;
    this.labels = labels;
    this.decodedFeatureDim = decodedFeatureDim;
    this.idHead = idHead;
    this.#pool = threads.pool;
    this.#drawn = drawnPictures(info, threads);
    this.#images = threads.images;
    this.#codes = threads.codes && Promise.resolve(threads.codes);
    this.#lanes = lanes;
    this.#gate = new Gate(lanes);
    this.#batchSize = batchSize;
    this.#takesVideo = takesVideo;
    this.#plan = plan;
  }

  /**
   * Loads a checkpoint. `source` is its folder, a file of weights that `loadTokenizer` knows, an mmproj file of llama.cpp (tower and
   * projector in one), or the name of one that the package carries: "default" for the small tokenizer, "deit-tiny" for an encoder
   * that also names what a photo shows (`classify`).
   * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED, MISSING_DEPENDENCY, RUNTIME,
   * INVALID_ARGUMENT; the signal's reason after an abort
   */
  static load(source: "default", options?: LoadOptions): Promise<VQRAE<Int32Array>>;
  static load(source: string, options?: LoadOptions): Promise<VQRAE>;
  static async load(source: string, options?: LoadOptions): Promise<VQRAE> {
    const { device = "auto", precision = "fp32", workers = 1, onProgress, signal, ...rest } = parseLoadOptions(options);
    if (precision === "int8" && device !== "auto" && device !== "cpu") {
      const what = 'option "device" of VQRAE.load with precision "int8"';
      throw expected("INVALID_ARGUMENT", '"auto" or "cpu"', what, device);
    }
    return abortable(signal, async (signal) => {
      const report: PoolOptions["report"] = (phase, loaded, total, detail) =>
        onProgress?.({ phase, loaded, total, ...(detail !== undefined && { detail }) });
      const { model, weights, floats } = await openModel(source, { ...rest, precision }, { signal, report });
      report("device", 0, 1);
      const wanted = await chooseDevice(device, precision);
      report("device", 1, 1, `${wanted.device} (${wanted.reason})`);
      signal.throwIfAborted();

      const threads = rest.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
      const { warmup = false, prepack } = rest;
      const poolOptions = { weights, floats, precision, prepack, workers, threads, warmup, signal, report };
      const open = device === "auto" ? openPoolOrFallBack : openPool;
      const images = new ImageReader(
        {
          image: model.image,
          projectorImage: model.projector?.image ?? null,
          maxPixels: rest.maxPixels,
          decoding: rest.decoding ?? "exact",
        },
        workers,
      );
      try {
        const imagesOpen = images.open(signal);
        imagesOpen.catch(() => {}); // what fails here fails again, and is told, with the first image
        const { chosen, ...opened } = await open(model, wanted, poolOptions);
        if (warmup) await imagesOpen;
        const info = modelInfo(model, chosen, precision);
        const batchSize = rest.batchSize ?? defaultBatchSize(model);
        const takesVideo = model.projector !== null && videoPlanOf(model.projector.image) !== undefined;
        const { labels, decodedFeatureDim = null, image: plan } = model;
        const idHead = idHeadOf(model.idHead, opened.pool);
        const facts = { info, labels, decodedFeatureDim, idHead, takesVideo, plan };
        return new VQRAE(facts, { ...opened, images }, batchSize, workers + 1);
      } catch (error) {
        await images.dispose();
        throw error;
      }
    });
  }

  /** @throws INVALID_IMAGE, IMAGE_TOO_LARGE, INVALID_ARGUMENT, UNSUPPORTED, DISPOSED, RUNTIME; see `VisionTokenizer`. */
  encode<const O extends EncodeOptions = Defaults>(image: ImageInput, options?: O): Promise<Encoded<Ids, O>>;
  encode<const O extends EncodeOptions = Defaults>(
    images: readonly ImageInput[],
    options?: O,
  ): Promise<Encoded<Ids, O>[]>;
  async encode(
    input: ImageInput | readonly ImageInput[],
    options?: EncodeOptions,
  ): Promise<ImageTokens | ImageTokens[]> {
    const { signal, ...asked } = parseEncodeOptions(options);
    const { features, ids } = requestedOutputs(this.info, asked);
    return this.#eachImage(input, signal, {
      read: (image, signal) => this.#images.preprocess(image, signal),
      run: async (images, signal) => {
        const codes = ids ? await this.#codeTables() : null;
        const transfer = buffersOf(images.map((image) => image.data));
        return this.#pool.run("encode", { images, features, codes }, { transfer, signal });
      },
    });
  }

  /**
   * The image as the language model of the projector takes it: its embeddings, and the text between them. The features
   * behind them are those that the projector was trained on, whatever those of `encode` are. int8 encoders do; the
   * projector itself is fp32.
   * @throws UNSUPPORTED without a projector, and as `encode`
   */
  embed(image: ImageInput, options?: EmbedOptions): Promise<ImageEmbeddings>;
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<ImageEmbeddings[]>;
  async embed(
    input: ImageInput | readonly ImageInput[],
    options?: EmbedOptions,
  ): Promise<ImageEmbeddings | ImageEmbeddings[]> {
    const { signal } = parseEmbedOptions(options);
    this.#requireProjector("embed");
    const viewsPerRun = this.#batchSize;
    return this.#eachImage(input, signal, {
      read: (image, signal) => this.#images.prepare(image, signal),
      run: (images, signal) => {
        const transfer = buffersOf(images.flatMap(({ views }) => views.map((view) => view.image.data)));
        return this.#pool.run("embed", { images, viewsPerRun }, { transfer, signal });
      },
    });
  }

  /** @throws UNSUPPORTED without a classification head; see `Classifier`. */
  classify(image: ImageInput, options?: ClassifyOptions): Promise<ClassScore[]>;
  classify(images: readonly ImageInput[], options?: ClassifyOptions): Promise<ClassScore[][]>;
  async classify(
    input: ImageInput | readonly ImageInput[],
    options?: ClassifyOptions,
  ): Promise<ClassScore[] | ClassScore[][]> {
    const { signal, count = 5 } = parseClassifyOptions(options);
    const { labels } = this;
    if (labels === null) throw this.#unsupported("classify", "a classification head");
    return this.#eachImage(input, signal, {
      read: (image, signal) => this.#images.preprocess(image, signal),
      run: async (images, signal) => {
        const transfer = buffersOf(images.map((image) => image.data));
        const logits = await this.#pool.run("classify", { images }, { transfer, signal });
        return logits.map((each) => topClasses(each, labels, count));
      },
    });
  }

  /** @throws UNSUPPORTED for a model that takes no videos; see `Embedder`. */
  async embedVideo(video: VideoInput, options?: EmbedOptions): Promise<ImageEmbeddings> {
    const { signal } = parseEmbedOptions(options);
    this.#requireProjector("embedVideo");
    if (!this.#takesVideo) throw this.#unsupported("embedVideo", "a video processor");
    return abortable(signal, async (signal) => {
      this.#assertUsable();
      const read = (frame: ImageInput, count: number) => this.#gate.run(() => this.#images.frame(frame, count, signal));
      const { image, frames } = await prepareVideo(video, read);
      const transfer = buffersOf(frames.map(({ data }) => data));
      const [embedded] = await this.#pool.run("embed", { images: [image], viewsPerRun: 1 }, { transfer, signal });
      return present(embedded, "the embeddings of a video");
    });
  }

  /**
   * An array of numbers is the ids of one image (an empty one is a wrong count); an array of arrays is many images.
   * @throws INVALID_ARGUMENT, UNSUPPORTED, DISPOSED, RUNTIME; see `VisionTokenizer`.
   */
  decode(tokens: DecoderTokens, options?: DecodeOptions): Promise<RgbImage>;
  decode(images: readonly DecoderTokens[], options?: DecodeOptions): Promise<RgbImage[]>;
  async decode(
    input: DecoderTokens | readonly DecoderTokens[],
    options?: DecodeOptions,
  ): Promise<RgbImage | RgbImage[]> {
    const { grid: asked, ...parsed } = parseDecodeOptions(options);
    this.#assertUsable();
    const { many, images } = decoderInput(this.info, input, asked);
    const atOnce = () =>
      runBatches(images, this.#batchSize, parsed.signal, (batch, signal) =>
        this.#pool.run("decode", { images: batch }, { transfer: buffersOf(batch), signal }),
      );
    const decoded = await (this.#drawn ? this.#drawn.decode(images, setFields(parsed)) : atOnce());
    return many ? decoded : decoded[0]!;
  }

  /** @throws UNSUPPORTED for a model that gives none of ids; see `FeatureDecoder`. */
  decodeFeatures(ids: TokenIds, options?: DecodeFeaturesOptions): Promise<Float32Array>;
  decodeFeatures(images: readonly TokenIds[], options?: DecodeFeaturesOptions): Promise<Float32Array[]>;
  async decodeFeatures(
    input: TokenIds | readonly TokenIds[],
    options?: DecodeFeaturesOptions,
  ): Promise<Float32Array | Float32Array[]> {
    const { signal } = parseDecodeFeaturesOptions(options);
    if (this.decodedFeatureDim === null) throw this.#unsupported("decodeFeatures", "features of ids");
    this.#assertUsable();
    const { many, images } = featureDecoderInput(this.info, input);
    const decoded = await runBatches(images, this.#batchSize, signal, (batch, signal) =>
      this.#pool.run("decodeFeatures", { images: batch }, { transfer: buffersOf(batch), signal }),
    );
    return many ? decoded : decoded[0]!;
  }

  /**
   * The images that the checkpoint's own model gives its encoder for one image, in its order: InternVL's tiles and then
   * the thumbnail, LLaVA 1.6's whole image and then the tiles; for most checkpoints the image alone, as it was read.
   * `encode(await tokenizer.views(photo))` gives what that model's own code gives. `encode(photo)` sees the whole image
   * only: of tiles the thumbnail, or LLaVA's first view.
   * @throws as `encode`
   */
  async views(image: ImageInput): Promise<RgbImage[]> {
    this.#assertUsable();
    return this.#gate.run(() => this.#images.views(image));
  }

  /**
   * The pixels behind `embed`: the views of the image, each as large as the encoder takes it. For a runtime that runs the same
   * encoder and projector and would resize images by rules of its own.
   * @throws as `embed`
   */
  async embedViews(image: ImageInput): Promise<RgbImage[]> {
    this.#requireProjector("embedViews");
    this.#assertUsable();
    const { views } = await this.#gate.run(() => this.#images.prepare(image));
    return views.map((view) => view.image);
  }

  /**
   * What a perfect `decode(encode(image))` would give: the part of the image that the encoder sees, at `outputSize`.
   * Reconstructions are measured against it.
   * @throws UNSUPPORTED without a decoder, and as `encode`
   */
  async reconstructionTarget(image: ImageInput): Promise<RgbImage> {
    const { outputSize } = this.info;
    if (outputSize === null) throw this.#unsupported("reconstructionTarget", "a decoder");
    this.#assertUsable();
    return this.#gate.run(() => this.#images.target(image, outputSize.width));
  }

  /**
   * What of an image of this size `encode` sees, in the image's pixels: the region that the tokens share, row by row.
   * It goes beyond the edges where the image is padded.
   */
  seenRegion(size: ImageSize): ImageRegion {
    return seenRegion(size, this.#plan);
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
    await Promise.all([this.#pool.dispose(), this.#drawn?.dispose(), this.#images.dispose()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Made by one worker when ids are first asked for, and shared by all. A failure is not kept. */
  #codeTables(): Promise<Codes> {
    this.#codes ??= this.#pool.run("codes", null).catch((error: unknown) => {
      this.#codes = null;
      throw error;
    });
    return this.#codes;
  }

  /** Reads one image or many, a few at a time, and gives them to `run` in batches. */
  async #eachImage<I, T>(
    input: ImageInput | readonly ImageInput[],
    signal: AbortSignal | undefined,
    { read, run }: EachImage<I, T>,
  ): Promise<T | T[]> {
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
        read: async (index) => {
          this.#assertUsable();
          return atImage(many ? index : null, () => read(inputs[index]!, signal));
        },
        run: (images) => run(images, signal),
      }),
    );
    return many ? results : results[0]!;
  }

  #assertUsable(): void {
    if (this.#disposed) throw disposedError();
  }

  #requireProjector(call: string): void {
    if (this.info.projector !== null) return;
    const received = `${this.info.modelId}, which was loaded without one`;
    const mend = "Load one with `loadProjector(folder)` and pass it: `VQRAE.load(folder, { projector })`.";
    throw expectedBut("UNSUPPORTED", "a tokenizer with a projector", call, received, mend);
  }

  #unsupported(call: string, part: string): VqraeError {
    return expectedBut("UNSUPPORTED", `a checkpoint with ${part}`, call, `${this.info.modelId}, which has none`);
  }
}

interface Facts<Ids extends Int32Array | null>
  extends Pick<VQRAE<Ids>, "info" | "labels" | "decodedFeatureDim" | "idHead"> {
  readonly takesVideo: boolean;
  readonly plan: ViewPlan;
}

interface Threads extends Omit<OpenedPool, "chosen"> {
  readonly images: ImageReader;
}
