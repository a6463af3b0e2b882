import type { Sampling } from "../sampling/sampling.ts";

/** Where the ids of images come from: a language model that serves in one way or another. */
export interface IdSource {
  /** Images that one request may have. */
  readonly imagesAtOnce: number;
  /** Whether a request may have another guidance scale than 1. */
  readonly guidance: boolean;
  /** Whether a request may be `scored`. */
  readonly likelihoods: boolean;
  /**
   * Yields what each step gives: the next drawn id of each image, until the images are whole. One that fails or that its
   * own signal stops is in one more step, and in none after that. Leaving the loop ends the work.
   */
  ids(request: IdRequest): AsyncGenerator<readonly DrawnId[]>;
  dispose(): Promise<void>;
}

export interface IdRequest {
  readonly images: readonly ImageRequest[];
  /** [rows * columns] ids that all images have, FREE for each that is drawn: at least one. */
  readonly kept: Int32Array;
  readonly sampling: Sampling;
  /** Whether each drawn id comes with its log-likelihood. */
  readonly scored: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface ImageRequest {
  readonly prompt: string;
  readonly seed: number;
  /** Stops this image alone. */
  readonly signal: AbortSignal | undefined;
}

/** An id of image `image` of the request, or why there will be none. */
export type DrawnId =
  | {
      readonly image: number;
      readonly id: number;
      /** ln p(id | prompt and the ids before), at temperature 1 and without guidance, where the request is `scored`. */
      readonly logLikelihood?: number;
    }
  | { readonly image: number; readonly error: unknown };
