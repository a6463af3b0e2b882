import { expectedBut } from "../errors.ts";
import type { ImageInput, ImageSize, TokenGrid } from "./image.ts";

/**
 * Turns images into continuous features, for understanding, and into discrete ids, for generation. Both come from one
 * encoder pass (VQRAE, arXiv 2511.23386, section 3.2).
 *
 * `Ids` says what the encoder's ids are: `Int32Array`, `null` for an encoder without a codebook, or a union of both where
 * only the loaded checkpoint tells. `hasCodebook` narrows it.
 */
export interface Encoder<Ids extends ImageIds | null = Int32Array | null> extends AsyncDisposable {
  readonly info: EncoderInfo<Ids>;

  /**
   * Encodes one image. The result holds features and, where there is a codebook, ids, unless an option switches one off.
   * @throws INVALID_IMAGE, IMAGE_TOO_LARGE, INVALID_ARGUMENT; UNSUPPORTED for `ids: true` without a codebook, or for
   * features that the encoder does not give; DISPOSED, RUNTIME; the signal's reason
   */
  encode<const O extends EncodeOptions = Defaults>(image: ImageInput, options?: O): Promise<Encoded<Ids, O>>;
  /** Encodes many images in batches; the result keeps their order. An error's `index` says which image it is about. */
  encode<const O extends EncodeOptions = Defaults>(
    images: readonly ImageInput[],
    options?: O,
  ): Promise<Encoded<Ids, O>[]>;
}

export interface EncodeOptions {
  /** Compute `features` (default true). */
  readonly features?: boolean;
  /** Compute `ids` (default true where the checkpoint has a codebook). */
  readonly ids?: boolean;
  /** Acts between images and between batches; a batch that is already running is finished and its result dropped. */
  readonly signal?: AbortSignal;
}

/**
 * The ids of one image in raster order; where the codebook has `scales`, grid after grid. One code a token: `Int32Array` [tokens]. Several codes a token: `Int32Array`
 * [tokens, codesPerToken], row-major. Codes of more than 31 bits: `Uint8Array` [tokens, bits] of zeros and ones. Where a decoder takes
 * them too, they are `codesPerToken` ids of a codebook of size 2, as BitDance's.
 */
export type ImageIds = Int32Array | Uint8Array;

/** What `encode` gives when nothing is known of its options. */
export interface ImageTokens<Ids extends ImageIds = Int32Array> {
  readonly grid: TokenGrid;
  /** [rows * columns, featureDim], row-major, in raster order: the encoder's output, never quantized. */
  readonly features?: Float32Array;
  /** [featureDim]: the class token of the layer that `features` comes from, where the encoder has one. */
  readonly classToken?: Float32Array;
  /** See {@link ImageIds}. */
  readonly ids?: Ids;
}

/** No option is given. */
export type Defaults = Record<never, never>;

/** What `encode` gives for the options `O`: what they ask for is there, what they switch off is not. */
export type Encoded<Ids extends ImageIds | null, O> = Pick<ImageTokens, "grid"> & FeaturesFor<O> & IdsFor<Ids, O>;

type Features = Required<Pick<ImageTokens, "features">> & Pick<ImageTokens, "classToken">;

type FeaturesFor<O> = O extends { readonly features: infer Asked }
  ? [Asked] extends [false]
    ? Defaults
    : [Asked] extends [true]
      ? Features
      : Partial<Features>
  : Features;

type IdsFor<Ids extends ImageIds | null, O> = O extends { readonly ids: infer Asked }
  ? [Asked] extends [false]
    ? Defaults
    : [Asked] extends [true]
      ? { readonly ids: NonNullable<Ids> }
      : { readonly ids?: NonNullable<Ids> }
  : null extends Ids
    ? { readonly ids?: NonNullable<Ids> }
    : { readonly ids: NonNullable<Ids> };

/** What all roles of one model share. */
export interface ModelInfo {
  /** The checkpoint's name: that of its folder. */
  readonly modelId: string;
  /** The weights' licence as the checkpoint states it, such as "apache-2.0"; null where it states none. */
  readonly licence: string | null;
  /** Where the graphs run, such as "cpu". */
  readonly device: string;
  /** Why there: that it was asked for, or what was found for each device that comes before it. */
  readonly deviceReason: string;
  /** The arithmetic they run in, such as "fp32". */
  readonly precision: string;
}

export interface EncoderInfo<Ids extends ImageIds | null = Int32Array | null> extends ModelInfo {
  /** What the encoder sees: images of any size are resized to it. null where each keeps its aspect ratio. */
  readonly inputSize: ImageSize | null;
  /** Tokens per image: rows * columns. null where each image has a grid of its own, which its `grid` tells. */
  readonly grid: TokenGrid | null;
  /** Side, in patches of its own, of the square that one token stands for; left out where each patch is a token. */
  readonly poolScale?: number;
  /** The most tokens that an image can have: rows * columns of `grid`, where there is one. */
  readonly maxTokens: number;
  /** Numbers per token in `features`; null for an encoder that gives ids only. */
  readonly featureDim: number | null;
  /** null for an encoder that gives features only. */
  readonly codebook: CodebookInfo | (Ids & null);
}

export interface CodebookInfo {
  /** Entries: ids are from 0 to size - 1. */
  readonly size: number;
  /** Width of an entry, as the quantizer compares it. */
  readonly dim: number;
  /** Ids of one token. */
  readonly codesPerToken: number;
  /**
   * Of a tokenizer whose image is several grids of ids, coarse to fine (VAR): their ids come one after the other, each grid's in raster
   * order. The last is the encoder's `grid`. Left out for most.
   */
  readonly scales?: readonly TokenGrid[];
}

/** How many ids an image of this grid has. */
export function idsPerImage(
  { codesPerToken, scales }: Pick<CodebookInfo, "codesPerToken" | "scales">,
  grid: TokenGrid,
): number {
  const tokens = (scales ?? [grid]).reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  return tokens * codesPerToken;
}

/** Whether an encoder has a codebook, so that `encode` gives ids. */
export function hasCodebook<T extends Encoder>(encoder: T): encoder is Encoder<Int32Array> & T {
  return encoder.info.codebook !== null;
}

/**
 * The width of an encoder's features.
 * @throws UNSUPPORTED for an encoder that gives ids only
 */
export function requireFeatureDim({ modelId, featureDim }: Pick<EncoderInfo, "modelId" | "featureDim">): number {
  if (featureDim !== null) return featureDim;
  throw expectedBut("UNSUPPORTED", "an encoder that gives features", "this use", `${modelId}, which gives ids only`);
}
