import type { AnyLinearRef, LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";
import type { BlockRef, TransformerSpec } from "../layers/transformer-spec.ts";

export interface VitSpec<Linear extends AnyLinearRef = LinearRef> extends TransformerSpec {
  readonly patchSize: number;
  /** Side of the pixels that it is given, which may differ from what it was trained on; null where it is no square. */
  readonly imageSize: number | null;
  /** Patches in a row and in a column, floor(imageSize / patchSize); null where each image has a grid of its own. */
  readonly grid: number | null;
  /** The most patches that an image can have: those of `grid`, where there is one. */
  readonly maxPatches: number;
  /** The patch convolution, its kernel [hidden, 3, patch, patch], or a linear [hidden, patch * patch * 3]. */
  readonly patchEmbedding: LinearRef;
  /** Whether `patchEmbedding` is such a linear: its columns are ordered row, column, channel. */
  readonly channelsLast: boolean;
  /** [1, 1, hidden] or [hidden]; null where the family has no class token. It comes first in the sequence. */
  readonly classToken: TensorRef | null;
  /** [1, r, hidden]: tokens without position between the class token and the patches; null for none. */
  readonly registers: TensorRef | null;
  readonly positions: PositionsRef;
  /** Before the first block (CLIP's `pre_layrnorm`), or null. */
  readonly firstNorm: NormRef | null;
  readonly blocks: readonly BlockRef<Linear>[];
  /** null for an encoder whose last block's output is its last hidden state. */
  readonly finalNorm: NormRef | null;
}

/** Trained positions, brought to another grid where the encoder's is another. */
export interface PositionsRef {
  /** [.., tokens, hidden], class token's row first where there is one and `classLast` does not say otherwise. */
  readonly table: TensorRef;
  /** Whether the class token's row comes after the patches' (an mmproj that is written for llama.cpp's graphs). */
  readonly classLast: boolean;
  /** Patches in a row and in a column of the table. */
  readonly grid: number;
  readonly filter: "bilinear" | "bicubic";
  /** Whether a smaller grid averages over the table's (torch's `antialias`). */
  readonly antialias: boolean;
  /** The table's row for each row of patches, and its column for each column; null for in order. */
  readonly buckets: readonly number[] | null;
}

/** Which hidden state `features` are: the residual stream after block `layer` (1-based), normed or not. */
export interface FeatureSpec {
  readonly layer: number;
  /** Apply the encoder's final LayerNorm. */
  readonly postNorm: boolean;
}
