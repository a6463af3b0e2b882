import type { AnyLinearRef, LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";

/** A pre-norm transformer block: x + scale1 * out(attention(norm1 x)), then x + scale2 * mlp(norm2 x). */
export interface BlockRef<Linear extends AnyLinearRef = LinearRef> {
  readonly norm1: NormRef;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  /** Over all of d, before the heads are split; null for most. */
  readonly queryNorm: NormRef | null;
  readonly keyNorm: NormRef | null;
  readonly out: Linear;
  /** [d], the layer scale of the attention's branch, or null. */
  readonly scale1: TensorRef | null;
  readonly norm2: NormRef;
  /** [intermediate, d]; where the MLP is gated [2 * intermediate, d], the gate's rows first. */
  readonly fc1: Linear;
  readonly fc2: Linear;
  /** [d], of the MLP's branch. */
  readonly scale2: TensorRef | null;
}

/**
 * "gelu" is the exact (erf) form, "gelu_tanh" the approximation that HF calls gelu_pytorch_tanh, "quick_gelu"
 * x * sigmoid(1.702 x), "swiglu" a gated MLP: silu of the first half times the second.
 */
export type Activation = "gelu" | "gelu_tanh" | "quick_gelu" | "swiglu";

export interface TransformerSpec {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly layerNormEps: number;
  readonly activation: Activation;
}
