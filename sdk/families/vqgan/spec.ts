import type { GroupNormRef, ResidualBlockRef } from "../../nn/layers/residual-block.ts";
import type { LinearRef, TensorRef } from "../../weights/tensor-ref.ts";

/** The parts of the convolutional tokenizers that descend from VQGAN (arXiv 2012.09841); convolutions are [out, in, side, side]. */
export interface VqganSpec {
  readonly encoder: VqganEncoder;
  /** [dim, latent, 1, 1]; of "residual" codes [dim, latent, 3, 3] */
  readonly quantConvolution: LinearRef;
  readonly codes: CodesRef;
  /** Bytes are 127.5 x + `zeroByte`, cut at 0 and 255 and truncated. */
  readonly zeroByte: 127.5 | 128;
  /** [latent, dim, 1, 1]; of "residual" codes [latent, dim, 3, 3] */
  readonly postQuantConvolution: LinearRef;
  readonly decoder: VqganDecoder;
}

export type CodesRef =
  | {
      /** "cosine": vectors and codes are brought to unit length first. */
      readonly by: "cosine" | "distance" | "product";
      /** [size, dim] */
      readonly table: TensorRef;
    }
  /** All sequences of +1 and -1. */
  | { readonly by: "signs"; readonly dim: number; readonly firstBit: "most" | "least" }
  | ResidualCodesRef;

/** Several grids of ids, coarse to fine: each grid's are the nearest codes of what those before leave (VAR, arXiv 2404.02905). */
export interface ResidualCodesRef {
  readonly by: "residual";
  /** [size, dim] */
  readonly table: TensorRef;
  readonly scales: readonly ResidualScale[];
}

export interface ResidualScale {
  /** Ids in a row and in a column; the last scale's are those of the tokens. */
  readonly side: number;
  /** [dim, dim, 3, 3]: what its codes go through once they are as many as the tokens; scales may share one. */
  readonly blend: LinearRef;
}

export interface VqganEncoder {
  readonly first: LinearRef;
  /** From the pixels to the tokens. */
  readonly levels: readonly LevelRef[];
  readonly middle: MiddleRef;
  readonly lastNorm: GroupNormRef;
  readonly last: LinearRef;
}

export interface VqganDecoder extends Omit<VqganEncoder, "levels"> {
  /** From the tokens to the pixels. */
  readonly levels: readonly LevelRef[];
}

export interface LevelRef {
  readonly blocks: readonly ResidualBlockRef[];
  /** One behind each block, or none. */
  readonly attentions: readonly AttentionRef[];
  /** To half or to twice the sides; null for the last level. */
  readonly resample: LinearRef | null;
}

export interface MiddleRef {
  readonly before: ResidualBlockRef;
  readonly attention: AttentionRef;
  readonly after: ResidualBlockRef;
}

/** One head over all positions; the linears are convolutions of side 1. */
export interface AttentionRef {
  readonly norm: GroupNormRef;
  readonly query: LinearRef;
  readonly key: LinearRef;
  readonly value: LinearRef;
  readonly out: LinearRef;
}
