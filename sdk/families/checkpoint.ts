import type { ImageLayout, ProjectorInfo, ProjectorOp } from "../contract/projector.ts";
import type { ImageSpec } from "../image/view-plan.ts";
import type { EncoderSpec, FeatureSpec } from "../nn/vit/vit-spec.ts";
import type { TensorRef } from "../weights/tensor-ref.ts";
import type { DecoderSpec, QuantizerSpec } from "./vqrae/spec.ts";

/** A validated checkpoint: every tensor that a graph will ask for exists and has the right shape. */
export interface Checkpoint {
  /** Folder name. */
  readonly modelId: string;
  readonly folder: string;
  /** As its README.md states it, such as "apache-2.0"; null where that states none. */
  readonly licence: string | null;
  readonly image: ImageSpec;
  readonly encoder: EncoderSpec;
  readonly features: FeatureSpec;
  /** null for an encoder alone. */
  readonly quantizer: QuantizerSpec | null;
  /** null for an encoder alone. */
  readonly decoder: DecoderSpec | null;
  /** null where the caller gave none: it is no part of the folder. */
  readonly projector: ProjectorSpec | null;
}

/** A projector that fits the encoder it runs behind. */
export interface ProjectorSpec {
  readonly info: ProjectorInfo;
  /** Blocks (1-based) whose patch tokens are concatenated. */
  readonly layers: readonly number[];
  /** Apply the encoder's final norm to each of them. */
  readonly postNorm: boolean;
  readonly ops: readonly ProjectorOp[];
  /** [outputDim], or null for a layout without. */
  readonly newline: TensorRef | null;
  readonly layout: ImageLayout;
  /** The checkpoint's own, with the projector's tiling. */
  readonly image: ImageSpec;
}
