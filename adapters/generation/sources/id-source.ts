import type { Sampling } from "../sampling/sampling.ts";

/** Where the ids of images come from: a language model that serves in one way or another. */
export interface IdSource {
  /** Images that one request may have. */
  readonly imagesAtOnce: number;
  /** Whether a request may have another guidance scale than 1. */
  readonly guidance: boolean;
  /** Yields the next drawn id of each image, step by step, until the images are whole. Leaving the loop ends the work. */
  ids(request: IdRequest): AsyncGenerator<readonly number[]>;
  dispose(): Promise<void>;
}

export interface IdRequest {
  readonly prompt: string;
  /** One for each image. */
  readonly seeds: readonly number[];
  /** [rows * columns] ids that all images have, FREE for each that is drawn: at least one. */
  readonly kept: Int32Array;
  readonly sampling: Sampling;
  readonly signal: AbortSignal | undefined;
}
