import type { LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";

/** UniTok (arXiv 2502.20321): ViTamin (arXiv 2404.02132) and its mirror image, with codebooks side by side between them. */
export interface UnitokSpec {
  readonly encoder: UnitokEncoder;
  /** Each [size, dim]; the k-th code of a token is one of the k-th. */
  readonly codebooks: readonly TensorRef[];
  readonly decoder: UnitokDecoder;
}

export interface UnitokEncoder {
  readonly stem: { readonly first: LinearRef; readonly norm: NormRef; readonly second: LinearRef };
  /** The first block of each halves the sides. */
  readonly stages: readonly (readonly InvertedBlockRef[])[];
  readonly pool: { readonly norm: NormRef; readonly convolution: LinearRef };
  readonly transformer: UnitokTransformer;
  /** [1, 1, D] */
  readonly positions: TensorRef;
  /** To the width of all codes. */
  readonly projection: ProjectionRef;
}

export interface UnitokDecoder {
  readonly projection: ProjectionRef;
  readonly transformer: UnitokTransformer;
  readonly first: LinearRef;
  /** The first block of each doubles the sides. */
  readonly stages: readonly (readonly InvertedBlockRef[])[];
  readonly last: { readonly up: LinearRef; readonly norm: NormRef; readonly out: LinearRef };
}

export interface UnitokTransformer {
  readonly width: number;
  readonly heads: number;
  readonly blocks: readonly UnitokBlockRef[];
  readonly norm: NormRef;
}

export interface UnitokBlockRef {
  readonly norm1: NormRef;
  readonly query: LinearRef;
  readonly key: LinearRef;
  readonly value: LinearRef;
  readonly out: LinearRef;
  readonly norm2: NormRef;
  readonly mlp: GatedMlpRef;
}

/** gelu_tanh(gate(norm x)) * up(norm x), then down. */
export interface GatedMlpRef {
  readonly norm: NormRef;
  readonly gate: LinearRef;
  readonly up: LinearRef;
  readonly down: LinearRef;
}

/** A convolution of side 1 to more channels, one of side 3 in each channel by itself, and one of side 1 back. */
export interface InvertedBlockRef {
  readonly norm: NormRef;
  readonly expand: LinearRef;
  /** Before `depthwise`, at twice the sides; null where it keeps or halves them. */
  readonly up: LinearRef | null;
  readonly depthwise: LinearRef;
  readonly project: LinearRef;
  /** Beside them, where channels or sides change; null for the input as it is. */
  readonly shortcut: LinearRef | null;
}

/** Between the width of the transformers and that of the codes. */
export interface ProjectionRef {
  readonly into: number;
  readonly out: number;
  readonly heads: number;
  readonly norm1: NormRef;
  readonly query: LinearRef;
  /** Its bias is zeros in all checkpoints. */
  readonly key: LinearRef;
  readonly value: LinearRef;
  readonly attentionOut: LinearRef;
  readonly norm3: NormRef;
  readonly linear: LinearRef;
  readonly norm2: NormRef;
  readonly mlp: GatedMlpRef;
}
