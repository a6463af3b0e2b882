import type { AnyLinearRef, LinearGroup, LinearRef, TensorRef } from "../../weights/tensor-ref.ts";

/** The vision tower of Qwen2.5-VL: attention in windows but for a few blocks, positions that rotate, gated MLPs. */
export interface Qwen25VlSpec<Linear extends AnyLinearRef = LinearRef> {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly patchSize: number;
  /** [hidden, 3, frames, patch, patch]: a still image is that many frames of itself. */
  readonly patchEmbedding: TensorRef;
  /** Side of a window in patches. */
  readonly windowSide: number;
  readonly blocks: readonly Qwen25VlBlock<Linear>[];
}

export interface Qwen25VlBlock<Linear extends AnyLinearRef = LinearRef> {
  /** Whether its attention goes over the whole image. */
  readonly full: boolean;
  readonly attention: LinearGroup<"query" | "key" | "value", Linear>;
  readonly attentionOut: LinearGroup<"out", Linear>;
  readonly mlp: LinearGroup<"gate" | "up", Linear>;
  readonly mlpOut: LinearGroup<"down", Linear>;
}
