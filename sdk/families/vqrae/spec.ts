import type { BlockRef, TransformerSpec } from "../../nn/layers/transformer-spec.ts";
import type { LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";

export interface QuantizerSpec {
  /** K */
  readonly size: number;
  /** e */
  readonly dim: number;
  /** Blocks (1-based, ascending) whose patch tokens are the quantizer's input. */
  readonly layers: readonly number[];
  /** LayerNorm without affine (eps 1e-6) on each layer's tokens before they are combined. */
  readonly normalize: boolean;
  /** One layer's tokens beside the other's, or their sum. */
  readonly combine: "concat" | "sum";
  /** Numbers of a token at its input: layers * hidden, or hidden for the sum. */
  readonly inputWidth: number;
  /** [e, inputWidth] */
  readonly inProjection: LinearRef;
  /** C: [K, e], frozen in training. */
  readonly codebook: TensorRef;
  /** W: [e, e]; the effective codebook is C Wᵀ (+ b). */
  readonly codebookProjection: LinearRef;
  /** [decoder hidden, e] */
  readonly outProjection: LinearRef;
}

export interface DecoderSpec extends TransformerSpec {
  /** Tokens in a row and in a column. */
  readonly grid: number;
  /** Pixels of one token's square (q): the output is grid * patchSize pixels wide and high. */
  readonly patchSize: number;
  /** [1, grid * grid, hidden] */
  readonly positions: TensorRef;
  readonly blocks: readonly BlockRef[];
  readonly finalNorm: NormRef;
  /** The pixel head is a convolution over the token grid of this odd side; 1 sees the square's own token alone. */
  readonly headKernel: number;
  /** [q * q * 3, hidden, headKernel, headKernel]: a patch vector is ordered row, column, channel. */
  readonly head: LinearRef;
  /** Pixel in [0, 1] = head output * std + mean, per channel. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}
