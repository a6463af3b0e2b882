import type { CodebookInfo, ModelInfo } from "./encoder.ts";
import type { ImageSize, RgbImage, TokenGrid } from "./image.ts";

/** Turns ids, or for a tokenizer without a codebook features, back into pixels. */
export interface Decoder extends AsyncDisposable {
  readonly info: DecoderInfo;

  /**
   * Decodes one image.
   * @throws INVALID_ARGUMENT for an id outside the codebook, a wrong count or features of another width; UNSUPPORTED for a
   * model without a decoder; DISPOSED, RUNTIME; the signal's reason
   */
  decode(tokens: TokenIds | Float32Array, options?: DecodeOptions): Promise<RgbImage>;
  /** Decodes many images. An error's `index` says which one it is about. */
  decode(images: readonly (TokenIds | Float32Array)[], options?: DecodeOptions): Promise<RgbImage[]>;

  /**
   * The codebook rows of `ids`, as the quantizer compares them: [n, codebook.dim]. Of several codes a token they are whole tokens'
   * ids side by side: each place in a token may have a codebook of its own.
   * @throws INVALID_ARGUMENT for an id outside the codebook; UNSUPPORTED without a codebook; DISPOSED, RUNTIME
   */
  codebookVectors(ids: TokenIds): Promise<Float32Array>;
}

/** Ids in raster order; those of several codes a token side by side. */
export type TokenIds = Int32Array | readonly number[];

export interface DecodeOptions {
  /** Rows and columns of the tokens; needed where `info.grid` is null, and else that. */
  readonly grid?: TokenGrid;
  /**
   * For a decoder that samples: the same seed gives an image the same pixels, alone or among others. Other decoders give the
   * same pixels whatever it says.
   */
  readonly seed?: number;
  /**
   * For a decoder that samples, in place of what `info.sampling` says: u + scale * (c - u), of logits with what it draws after (c) and
   * without (u). 1 switches guidance off.
   */
  readonly guidanceScale?: number;
  /** The same: 0 always takes the likeliest id. */
  readonly temperature?: number;
  /** The same: only the k likeliest ids; 0 is all. */
  readonly topK?: number;
  /** The same: only the likeliest ids that have this share of the probability together; 1 is all. */
  readonly topP?: number;
  /** Called as a decoder that samples draws: of all images' ids, how many there are so far, and how many there will be. */
  readonly onProgress?: (progress: DecodeProgress) => void;
  /** Acts between batches; a batch that is already running is finished and its result dropped. A decoder that samples stops between ids. */
  readonly signal?: AbortSignal;
}

export interface DecodeProgress {
  readonly done: number;
  readonly total: number;
}

/** How a decoder samples by default. */
export interface DecoderSampling {
  /** Ids that it draws for an image, one after the other: what its time goes by. */
  readonly steps: number;
  readonly guidanceScale: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
}

export interface DecoderInfo extends ModelInfo {
  /** What `decode` takes: "ids", "features" [tokens, featureDim], or null for a model without a decoder. */
  readonly decodes: "ids" | "features" | null;
  /** What `decode` returns; null for a model without a decoder, or where it follows from the grid. */
  readonly outputSize: ImageSize | null;
  readonly grid: TokenGrid | null;
  readonly codebook: CodebookInfo | null;
  /** Left out for a decoder that computes its pixels at once. */
  readonly sampling?: DecoderSampling;
  /** As in `EncoderInfo`. */
  readonly poolScale?: number;
}

/** Whether a model decodes ids of a codebook into images of one size. */
export function decodesIds<T extends Decoder>(decoder: T): decoder is T & { readonly info: IdDecoderInfo } {
  const { decodes, outputSize, grid, codebook } = decoder.info;
  return decodes === "ids" && outputSize !== null && grid !== null && codebook !== null;
}

export interface IdDecoderInfo extends DecoderInfo {
  readonly decodes: "ids";
  readonly outputSize: ImageSize;
  readonly grid: TokenGrid;
  readonly codebook: CodebookInfo;
}
