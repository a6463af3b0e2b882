import { readImage } from "../image/read/read-image.ts";
import { parseEncodeOptions } from "../runtime/options.ts";
import { disposedError } from "../runtime/pool/worker-pool.ts";
import type { Defaults, Encoded, EncodeOptions, Encoder, EncoderInfo, ImageIds, ImageTokens } from "./encoder.ts";
import type { ImageInput, RgbImage } from "./image.ts";
import { eachImage } from "./image-inputs.ts";
import { type RequestedOutputs, requestedOutputs } from "./requested-outputs.ts";

/** What makes an encoder: its sizes, and one image's features and ids. `Given` is what the ids are where there are any. */
export interface EncoderParts<Ids extends ImageIds | null, Given extends ImageIds = NonNullable<Ids>> {
  /** What is left out: no licence is stated, and it runs on the CPU in fp32. */
  readonly info: Partial<EncoderInfo<Ids>> &
    Pick<EncoderInfo<Ids>, "modelId" | "inputSize" | "grid" | "maxTokens" | "featureDim" | "codebook">;
  /**
   * Encodes one image, which is read already. It may give more than `asked` asks for. What it throws, `encode` rejects with.
   * @param asked whether features and ids are wanted, and a signal that aborts when the caller's does
   */
  encode(
    image: RgbImage,
    asked: RequestedOutputs & { readonly signal: AbortSignal },
  ): ImageTokens<Given> | Promise<ImageTokens<Given>>;
  /** Frees what the encoder holds. It is called once, after the last call has ended. */
  dispose?(): void | Promise<void>;
}

/**
 * Makes an `Encoder` of your own. You write what happens to one image's pixels; the rest of the contract is done for you:
 * every form of an image, one image or many, options, errors with an index, abort, and disposal.
 *
 * ```ts
 * const encoder = defineEncoder({
 *   info: { modelId: "mine", inputSize: null, grid: { rows: 1, columns: 1 }, maxTokens: 1, featureDim: 1, codebook: null },
 *   encode: ({ width, height }) => ({ grid: { rows: 1, columns: 1 }, features: Float32Array.of(width / height) }),
 * });
 * ```
 *
 * Images are encoded one after the other. `conformanceTests` of `vqrae/testing` shows whether what you wrote keeps to its
 * `info`.
 */
export function defineEncoder(parts: EncoderParts<null>): Encoder<null>;
export function defineEncoder<Ids extends ImageIds>(parts: EncoderParts<Ids, Ids>): Encoder<Ids>;
export function defineEncoder<Ids extends ImageIds | null>(parts: EncoderParts<Ids>): Encoder<Ids> {
  return new DefinedEncoder(parts);
}

class DefinedEncoder<Ids extends ImageIds | null> implements Encoder<Ids> {
  readonly info: EncoderInfo<Ids>;
  readonly #parts: EncoderParts<Ids>;
  readonly #running = new Set<Promise<unknown>>();
  #disposal: Promise<void> | null = null;

  constructor(parts: EncoderParts<Ids>) {
    const device = { licence: null, device: "cpu", deviceReason: "it computes on the CPU alone", precision: "fp32" };
    this.info = Object.freeze({ ...device, ...parts.info });
    this.#parts = parts;
  }

  encode<const O extends EncodeOptions = Defaults>(image: ImageInput, options?: O): Promise<Encoded<Ids, O>>;
  encode<const O extends EncodeOptions = Defaults>(
    images: readonly ImageInput[],
    options?: O,
  ): Promise<Encoded<Ids, O>[]>;
  async encode(
    input: ImageInput | readonly ImageInput[],
    options?: EncodeOptions,
  ): Promise<ImageTokens<ImageIds> | ImageTokens<ImageIds>[]> {
    this.#assertUsable();
    const { signal, ...asked } = parseEncodeOptions(options);
    const outputs = requestedOutputs(this.info, asked);
    const running = eachImage(input, signal, (image, signal) => this.#encode(image, { ...outputs, signal }));
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#end();
    return this.#disposal;
  }

  async #encode(
    input: ImageInput,
    asked: RequestedOutputs & { readonly signal: AbortSignal },
  ): Promise<ImageTokens<ImageIds>> {
    const image = await readImage(input, { signal: asked.signal });
    asked.signal.throwIfAborted();
    this.#assertUsable();
    const { grid, features, classToken, ids } = await this.#parts.encode(image, asked);
    return {
      grid,
      ...(asked.features && features && { features }),
      ...(asked.features && classToken && { classToken }),
      ...(asked.ids && ids && { ids }),
    };
  }

  async #end(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#parts.dispose?.();
  }

  #assertUsable(): void {
    if (this.#disposal !== null) throw disposedError();
  }
}
