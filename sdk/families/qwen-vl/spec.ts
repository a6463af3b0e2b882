import type { Activation } from "../../nn/layers/activation.ts";
import type { AnyLinearRef, LinearGroup, LinearRef, TensorRef } from "../../weights/tensor-ref.ts";

/** The vision tower of a Qwen-VL: positions that rotate, images of any grid whose sides are whole cells of patches. */
export interface QwenVlSpec<Linear extends AnyLinearRef = LinearRef> {
  readonly hiddenSize: number;
  readonly heads: number;
  readonly patchSize: number;
  /** [hidden, 3, frames, patch, patch]: a still image is that many frames of itself. */
  readonly patchEmbedding: TensorRef;
  /** [hidden]; null before Qwen3-VL. */
  readonly patchBias: TensorRef | null;
  /** Positions that are added to the patches, resized to each image's grid (Qwen3-VL); null for rotation alone. */
  readonly positions: LearnedPositions | null;
  /** Side of a window in patches; null for a tower without. */
  readonly windowSide: number | null;
  readonly blocks: readonly QwenVlBlock<Linear>[];
}

export interface LearnedPositions {
  /** [side * side, hidden] */
  readonly table: TensorRef;
  readonly side: number;
}

export interface QwenVlBlock<Linear extends AnyLinearRef = LinearRef> {
  /** Whether its attention goes over the whole image, not over windows. */
  readonly full: boolean;
  readonly attention: LinearGroup<"query" | "key" | "value", Linear>;
  readonly attentionOut: LinearGroup<"out", Linear>;
  readonly mlp: GatedMlp<Linear> | PlainMlp<Linear>;
}

/** silu(gate) * up (Qwen2.5-VL). */
export interface GatedMlp<Linear extends AnyLinearRef = LinearRef> {
  readonly type: "gated";
  readonly into: LinearGroup<"gate" | "up", Linear>;
  readonly out: LinearGroup<"down", Linear>;
}

export interface PlainMlp<Linear extends AnyLinearRef = LinearRef> {
  readonly type: "plain";
  readonly activation: Exclude<Activation, "swiglu">;
  readonly into: LinearGroup<"up", Linear>;
  readonly out: LinearGroup<"down", Linear>;
}
