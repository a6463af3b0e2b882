import { expected } from "../../../sdk/kit.ts";

/**
 * The pixel carrier: how embeddings travel to a llama.cpp server that takes images only.
 *
 * An embedding of `embeddingDim` numbers becomes one square patch of pixels, and each number one pixel. Red, green and
 * blue are the high, middle and low byte of a 24-bit fixed-point number from -range to range. The carrier mmproj turns
 * the patches into embeddings again, so the LLM sees the projector's own output.
 */
export interface Carrier {
  /** Width of the LLM's embeddings. */
  readonly embeddingDim: number;
  /** A power of two: numbers from -range to just below range can be carried, in steps of range / 2^23. */
  readonly range: number;
}

/** Far beyond what projectors give; steps of 7.6e-6. */
export const DEFAULT_RANGE = 64;
/** Below this the mmproj's weights leave the normal numbers of F16, in which some GPUs compute. */
export const MIN_RANGE = 32;
export const MAX_RANGE = 32_768;
/** Wider than any LLM; keeps the mmproj's size within reason. */
export const MAX_EMBEDDING_DIM = 16_384;

/** What a range is, in words for errors. */
export const RANGES = `a power of two from ${MIN_RANGE} to ${MAX_RANGE}`;
export const isRange = (range: number): boolean =>
  range >= MIN_RANGE && range <= MAX_RANGE && Math.log2(range) % 1 === 0;

/** @throws INVALID_ARGUMENT */
export function checkCarrier({ embeddingDim, range }: Carrier): void {
  if (!Number.isInteger(embeddingDim) || embeddingDim < 1 || embeddingDim > MAX_EMBEDDING_DIM) {
    throw expected("INVALID_ARGUMENT", `a whole number from 1 to ${MAX_EMBEDDING_DIM}`, "embeddingDim", embeddingDim);
  }
  if (!isRange(range)) throw expected("INVALID_ARGUMENT", RANGES, "range", range);
}

/** Pixels along a side of one embedding's patch. */
export const patchSize = ({ embeddingDim }: Carrier): number => Math.ceil(Math.sqrt(embeddingDim));
/** The difference between neighbouring numbers. */
export const carrierStep = ({ range }: Carrier): number => range / 2 ** 23;
