import type { LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";
import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { silu } from "./activation.ts";
import { convolution } from "./convolution.ts";
import { groupNorm } from "./norm.ts";

export const GROUPS = 32;
export const EPSILON = 1e-6;

export type GroupNormRef = NormRef & { readonly bias: TensorRef };

/** A block of the convolutional tokenizers that descend from VQGAN; Open-MAGVIT2's convolutions have no bias. */
export interface ResidualBlockRef {
  readonly norm1: GroupNormRef;
  readonly convolution1: LinearRef;
  readonly norm2: GroupNormRef;
  readonly convolution2: LinearRef;
  /** Where the channels change: [out, in, 1, 1]. */
  readonly shortcut: LinearRef | null;
}

/** Their group norm: of 32 groups. */
export const normed = (g: GraphBuilder, x: Value, ref: GroupNormRef): Value => groupNorm(g, x, ref, GROUPS, EPSILON);

/** What each branch and each half of the model ends with: norm, SiLU, convolution. */
export const normedConvolution = (g: GraphBuilder, x: Value, norm: GroupNormRef, linear: LinearRef): Value =>
  convolution(g, silu(g, normed(g, x, norm)), linear);

/** x [n, in, rows, columns] -> [n, out, rows, columns] */
export function residualBlock(g: GraphBuilder, x: Value, block: ResidualBlockRef): Value {
  const inner = normedConvolution(g, x, block.norm1, block.convolution1);
  const branch = normedConvolution(g, inner, block.norm2, block.convolution2);
  return g.add(block.shortcut ? convolution(g, x, block.shortcut) : x, branch);
}
