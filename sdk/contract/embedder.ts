import type { ModelInfo } from "./encoder.ts";
import type { ImageInput, TokenGrid } from "./image.ts";
import type { ProjectorInfo } from "./projector.ts";
import type { VideoInput } from "./video.ts";

/** Turns images into the embeddings that a language model takes: encoder and projector. */
export interface Embedder extends AsyncDisposable {
  readonly info: EmbedderInfo;

  /**
   * Encodes and projects one image.
   * @throws UNSUPPORTED without a projector; INVALID_IMAGE, IMAGE_TOO_LARGE, INVALID_ARGUMENT, DISPOSED, RUNTIME; the
   * signal's reason
   */
  embed(image: ImageInput, options?: EmbedOptions): Promise<ImageEmbeddings>;
  /** Encodes and projects many images; the result keeps their order. An error's `index` says which image it is about. */
  embed(images: readonly ImageInput[], options?: EmbedOptions): Promise<ImageEmbeddings[]>;

  /**
   * Encodes and projects one video. What takes no videos may leave it out.
   * @throws UNSUPPORTED for a model that takes none; INVALID_ARGUMENT for one without frames, or with frames of several sizes;
   *   as `embed`, where `index` says which frame it is about
   */
  embedVideo?(video: VideoInput, options?: EmbedOptions): Promise<ImageEmbeddings>;
}

export interface EmbedOptions {
  /** Acts between images and between batches; a batch that is already running is finished and its result dropped. */
  readonly signal?: AbortSignal;
}

export interface EmbedderInfo extends ModelInfo {
  /** What `embed` gives; null where the model was loaded without a projector. */
  readonly projector:
    | (ProjectorInfo & {
        /** Embeddings of one view, such as a tile; null where each image has a grid of its own. */
        readonly tokensPerView: number | null;
      })
    | null;
}

/** One image as a language model takes it. */
export interface ImageEmbeddings {
  /** In the model's own order: what goes into its context one after the other. */
  readonly segments: readonly ImageSegment[];
  /** Numbers of each embedding: `info.projector.outputDim`, which counts those of deepstack levels. */
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
      /**
       * Of a video whose frames are one run: of each of its grids where it stands in time, from 0. Then `data` is
       * [times * rows * columns, embeddingDim].
       */
      readonly times?: readonly number[];
      /** "full": each of these embeddings attends to all of them. */
      readonly attention: "causal" | "full";
    };
