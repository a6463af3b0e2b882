import type { ProjectorInfo } from "./projector.ts";

/**
 * What every vision tokenizer can do. One encoder pass gives two things: continuous features, for understanding,
 * and discrete ids, for generation; `decode` turns ids back into pixels (VQRAE, arXiv 2511.23386, section 3.2).
 */
export interface VisionTokenizer extends AsyncDisposable {
  /** The version of this contract. */
  readonly specificationVersion: "v1";
  readonly info: VisionTokenizerInfo;

  /** Encodes one image. Both outputs are computed unless one is switched off. */
  encode(image: ImageInput, options?: EncodeOptions): Promise<ImageTokens>;
  /** Encodes many images in batches; the result keeps their order. */
  encode(images: readonly ImageInput[], options?: EncodeOptions): Promise<ImageTokens[]>;

  /** Encodes and projects one image: embeddings for a language model. Throws UNSUPPORTED without a projector. */
  embed(image: ImageInput, options?: EmbedOptions): Promise<ImageEmbeddings>;
  /** Encodes and projects many images; the result keeps their order. */
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<ImageEmbeddings[]>;

  /** Decodes the ids of one image, in raster order. Throws for an id outside the codebook or a wrong count. */
  decode(ids: TokenIds, options?: DecodeOptions): Promise<RgbImage>;
  /** Decodes many grids of ids. */
  decode(grids: readonly TokenIds[], options?: DecodeOptions): Promise<RgbImage[]>;

  /** The codebook rows of `ids`, projected through W as the quantizer compares them: [n, codebook.dim]. */
  codebookVectors(ids: TokenIds): Promise<Float32Array>;
}

export interface VisionTokenizerInfo {
  /** The checkpoint's name: that of its folder. */
  readonly modelId: string;
  /** What the encoder sees, in pixels: images of any size are resized to it. null where each keeps its aspect ratio. */
  readonly inputSize: { readonly width: number; readonly height: number } | null;
  /** What `decode` returns, in pixels; null for an encoder without a decoder. */
  readonly outputSize: { readonly width: number; readonly height: number } | null;
  /** Tokens per image: rows * columns. null where each image has a grid of its own, which `ImageTokens.grid` tells. */
  readonly grid: TokenGrid | null;
  /** The most tokens that an image can have: rows * columns of `grid`, where there is one. */
  readonly maxTokens: number;
  /** Numbers per token in `features`. */
  readonly featureDim: number;
  /** Entries and width of the codebook; null for an encoder that gives features only. */
  readonly codebook: { readonly size: number; readonly dim: number } | null;
  /** What `embed` gives; null where the tokenizer was loaded without a projector. */
  readonly projector:
    | (ProjectorInfo & {
        /** Embeddings of one view, such as a tile; null where each image has a grid of its own. */
        readonly tokensPerView: number | null;
      })
    | null;
  /** Where the graphs run, such as "cpu". */
  readonly device: string;
  /** Why there: that it was asked for, or what was found for each device that comes before it. */
  readonly deviceReason: string;
  /** The arithmetic they run in, such as "fp32". */
  readonly precision: string;
}

export interface TokenGrid {
  readonly rows: number;
  readonly columns: number;
}

export interface ImageTokens {
  readonly grid: TokenGrid;
  /** [rows * columns, featureDim], row-major, in raster order: the encoder's output, never quantized. */
  readonly features?: Float32Array;
  /** [featureDim]: the class token of the layer that `features` comes from, where the encoder has one. */
  readonly classToken?: Float32Array;
  /** [rows * columns] codebook indices in raster order. */
  readonly ids?: Int32Array;
}

/** One image as a language model takes it. */
export interface ImageEmbeddings {
  /** In the model's own order: what goes into its context one after the other. */
  readonly segments: readonly ImageSegment[];
  /** Numbers of each embedding. */
  readonly embeddingDim: number;
  /** Embeddings of all segments together; the text's tokens are not counted. */
  readonly tokens: number;
}

export type ImageSegment =
  /** To be tokenized with special tokens, such as "<|vision_start|>" or "<row_1_col_1>". */
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "embeddings";
      /** [rows * columns, embeddingDim], row-major, in raster order. */
      readonly data: Float32Array;
      readonly grid: TokenGrid;
      /** "full": each of these embeddings attends to all of them. */
      readonly attention: "causal" | "full";
    };

/**
 * A file path, a `file:` or `data:` URL, the bytes of an encoded image, or raw pixels. Remote URLs are refused:
 * fetch them yourself and pass the bytes.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBufferLike | RgbImage;

/** 8-bit RGB pixels, rows from top to bottom, three bytes a pixel, no padding. */
export interface RgbImage {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

export type TokenIds = Int32Array | readonly number[];

export interface EncodeOptions {
  /** Compute `features` (default true). */
  readonly features?: boolean;
  /** Compute `ids` (default true where the checkpoint has a codebook). */
  readonly ids?: boolean;
  /** Acts between images and between batches; a batch that is already running is finished and its result dropped. */
  readonly signal?: AbortSignal;
}

export interface EmbedOptions {
  /** Acts between images and between batches; a batch that is already running is finished and its result dropped. */
  readonly signal?: AbortSignal;
}

export interface DecodeOptions {
  /** Acts between batches; a batch that is already running is finished and its result dropped. */
  readonly signal?: AbortSignal;
}
