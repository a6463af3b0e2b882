import type { BlockRef, TransformerSpec } from "../../nn/layers/transformer-spec.ts";
import type { PositionsRef, VitSpec } from "../../nn/vit/vit-spec.ts";
import type { LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";

/** The text-aligned tokenizer of Tar (arXiv 2506.18898). */
export interface TaTokSpec {
  readonly encoder: TaTokEncoder;
  readonly quantizer: TaTokQuantizer;
  readonly features: TaTokFeatures;
}

export interface TaTokEncoder {
  /** Without its last block and its last norm. */
  readonly tower: VitSpec;
  /** Side, in patches, of the square whose mean is one token. */
  readonly poolScale: number;
  /** Tokens in a row and in a column. */
  readonly grid: number;
  /** [D, D], and tanh after it. */
  readonly task: LinearRef;
}

export interface TaTokQuantizer {
  /** [e, D] */
  readonly inProjection: LinearRef;
  /** [K, e] */
  readonly codebook: TensorRef;
  /** [e, e]; the effective codebook is C Wᵀ + b. */
  readonly codebookProjection: LinearRef;
  /** Whether codes and vectors are compared at unit length. */
  readonly unit: boolean;
}

/** From codes to features. */
export interface TaTokFeatures extends TransformerSpec {
  /** Tokens in a row and in a column. */
  readonly grid: number;
  /** [e, e] */
  readonly outProjection: LinearRef;
  /** [hidden, e] */
  readonly embedding: LinearRef;
  readonly positions: PositionsRef;
  readonly blocks: readonly BlockRef[];
  readonly finalNorm: NormRef;
  /** Two linears [hidden, hidden], tanh between them. */
  readonly task: readonly [LinearRef, LinearRef];
}
