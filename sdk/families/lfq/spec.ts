import type { AdaptiveGroupNormRef } from "../../nn/layers/norm.ts";
import type { GroupNormRef, ResidualBlockRef } from "../../nn/layers/residual-block.ts";
import type { LinearRef } from "../../weights/tensor-ref.ts";

/**
 * The parts of the convolutional tokenizers that descend from MAGVIT-v2's image model (arXiv 2310.05737) as Open-MAGVIT2 has it
 * (arXiv 2409.04410): no attention, and a quantizer without a table. Convolutions are [out, in, side, side].
 */
export interface LfqSpec {
  readonly encoder: LfqEncoder;
  readonly codes: SignCodesRef;
  /** Bytes are 127.5 x + `zeroByte`, cut at 0 and 255 and truncated. */
  readonly zeroByte: 127.5 | 128;
  readonly decoder: LfqDecoder;
}

/** What the signs of a token's numbers become. */
export interface SignCodesRef {
  /** Numbers of a token. */
  readonly dim: number;
  /** "id": one id of 2^dim, the first number its least significant bit. "bits": `dim` ids of 0 and 1. */
  readonly as: "id" | "bits";
}

export interface LfqEncoder {
  readonly first: LinearRef;
  /** From the pixels to the tokens. */
  readonly levels: readonly DownRef[];
  readonly middle: readonly ResidualBlockRef[];
  readonly lastNorm: GroupNormRef;
  /** [dim, in, 1, 1] */
  readonly last: LinearRef;
}

export interface DownRef {
  readonly blocks: readonly ResidualBlockRef[];
  /** To half the sides; null for the last level. */
  readonly down: LinearRef | null;
}

export interface LfqDecoder {
  readonly first: LinearRef;
  readonly middle: readonly ResidualBlockRef[];
  /** From the tokens to the pixels. */
  readonly levels: readonly UpRef[];
  readonly lastNorm: GroupNormRef;
  readonly last: LinearRef;
}

export interface UpRef {
  /** Before the blocks. Its style is the codes. */
  readonly adaptive: AdaptiveGroupNormRef;
  readonly blocks: readonly ResidualBlockRef[];
  /** To four times the channels, which become twice the sides; null for the last level. */
  readonly up: LinearRef | null;
}
