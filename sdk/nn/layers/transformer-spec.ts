import type { AnyLinearRef, LinearGroup, LinearRef, NormRef } from "../../weights/tensor-ref.ts";
import type { Activation } from "./activation.ts";

/** A pre-norm transformer block: x + out(attention(x)), then x + fc2(activation(fc1(x))); norms and layer scales are the groups'. */
export interface BlockRef<Linear extends AnyLinearRef = LinearRef> {
  /** Behind the first norm. */
  readonly attention: LinearGroup<"query" | "key" | "value", Linear>;
  /** Over all of d, before the heads are split; null for most. */
  readonly queryNorm: NormRef | null;
  readonly keyNorm: NormRef | null;
  /** Its scale is the layer scale of the attention's branch. */
  readonly attentionOut: LinearGroup<"out", Linear>;
  /** Behind the second norm. `fc1` is [intermediate, d]; where the MLP is gated [2 * intermediate, d], the gate's rows first. */
  readonly mlp: LinearGroup<"fc1", Linear>;
  /** Its scale is the layer scale of the MLP's branch. */
  readonly mlpOut: LinearGroup<"fc2", Linear>;
}

export interface TransformerSpec {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly layerNormEps: number;
  readonly activation: Activation;
}
