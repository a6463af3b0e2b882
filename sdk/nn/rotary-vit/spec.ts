import type { AnyLinearRef, LinearGroup, LinearRef, NormRef, TensorRef } from "../../weights/tensor-ref.ts";
import type { Activation } from "../layers/activation.ts";

/** A vision transformer whose positions rotate, over images of any grid (Qwen2-VL and later, Pixtral, GLM-4V). */
export interface RotaryVitSpec<Linear extends AnyLinearRef = LinearRef> {
  readonly hiddenSize: number;
  readonly heads: number;
  /** Of every norm. */
  readonly epsilon: number;
  readonly rotation: RotationSpec;
  readonly patchSize: number;
  /**
   * Kernels whose sum embeds a patch: [hidden, 3, patch, patch], or [hidden, 3, frames, patch, patch], since a still image is
   * that many frames of itself. llama.cpp has one for each frame.
   */
  readonly patchKernels: readonly TensorRef[];
  /** [hidden]; null for most. */
  readonly patchBias: TensorRef | null;
  /** On the patches, before positions are added to them (GLM-4V); null for most. */
  readonly patchNorm: NormRef | null;
  /** Positions that are added to the patches, resized to each image's grid (Qwen3-VL, GLM-4V); null for rotation alone. */
  readonly positions: LearnedPositions | null;
  /** Before the first block; null for most. */
  readonly firstNorm: NormRef | null;
  /** Side of a window in patches; null for a tower without. */
  readonly windowSide: number | null;
  readonly blocks: readonly RotaryVitBlock<Linear>[];
}

export interface RotationSpec {
  readonly base: number;
  /** Whether columns turn by frequencies between those of rows (Pixtral), not by the same. */
  readonly staggered: boolean;
  /** Whether two numbers that turn together are neighbours (llama.cpp), not half a head apart (transformers). */
  readonly interleaved: boolean;
}

export type GateActivation = "silu" | Exclude<Activation, "swiglu">;

export interface LearnedPositions {
  /** [side * side, hidden] */
  readonly table: TensorRef;
  readonly side: number;
  /** How torch resizes it: bilinear with corners on corners (Qwen3-VL), or bicubic (GLM-4V). */
  readonly resize: "corners" | "bicubic";
}

export interface RotaryVitBlock<Linear extends AnyLinearRef = LinearRef> {
  /** Whether its attention goes over the whole image, not over windows. */
  readonly full: boolean;
  readonly attention: LinearGroup<"query" | "key" | "value", Linear>;
  /** RMSNorms of every head's queries and keys, [head size] each (GLM-OCR); left out for most. */
  readonly headNorms?: { readonly query: NormRef; readonly key: NormRef };
  readonly attentionOut: LinearGroup<"out", Linear>;
  readonly mlp: GatedMlp<Linear> | PlainMlp<Linear>;
}

/** activation(gate) * up (Qwen2.5-VL, Pixtral). */
export interface GatedMlp<Linear extends AnyLinearRef = LinearRef> {
  readonly type: "gated";
  readonly activation: GateActivation;
  readonly into: LinearGroup<"gate" | "up", Linear>;
  readonly out: LinearGroup<"down", Linear>;
}

export interface PlainMlp<Linear extends AnyLinearRef = LinearRef> {
  readonly type: "plain";
  readonly activation: Exclude<Activation, "swiglu">;
  readonly into: LinearGroup<"up", Linear>;
  readonly out: LinearGroup<"down", Linear>;
}

/** Whether a patch holds two frames of a video, so that the graphs take what changes between them. */
export function takesPairs({ patchKernels }: Pick<RotaryVitSpec<AnyLinearRef>, "patchKernels">): boolean {
  const [first, second, third] = patchKernels;
  if (second !== undefined) return third === undefined;
  return first?.shape.length === 5 && first.shape[2] === 2;
}
