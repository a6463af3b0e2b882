import type { TokenIds } from "./decoder.ts";

/** Turns ids into continuous features, such as those that a decoder of pixels is conditioned on. */
export interface FeatureDecoder extends AsyncDisposable {
  /** Numbers of each token's features; null for a model that gives none of ids. */
  readonly decodedFeatureDim: number | null;

  /**
   * The features of one image's ids: [rows * columns, decodedFeatureDim], row-major, in raster order.
   * @throws INVALID_ARGUMENT for an id outside the codebook or a wrong count; UNSUPPORTED for a model that gives none; DISPOSED,
   * RUNTIME; the signal's reason
   */
  decodeFeatures(ids: TokenIds, options?: DecodeFeaturesOptions): Promise<Float32Array>;
  /** The same of many images. An error's `index` says which one it is about. */
  decodeFeatures(images: readonly TokenIds[], options?: DecodeFeaturesOptions): Promise<Float32Array[]>;
}

export interface DecodeFeaturesOptions {
  /** Acts between batches; a batch that is already running is finished and its result dropped. */
  readonly signal?: AbortSignal;
}
