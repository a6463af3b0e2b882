import { expectedBut } from "../errors.ts";
import type { Tiling } from "../image/view-plan.ts";
import type { Activation } from "../nn/layers/activation.ts";
import type { NormRef, TensorRef } from "../weights/tensor-ref.ts";

/**
 * What turns an encoder's features into the embeddings of a language model, as plain data: `VQRAE.load(folder, {
 * projector })` runs it behind the encoder in one graph. `loadProjector` reads one from a checkpoint.
 */
export interface Projector {
  /** The version of this contract. */
  readonly specificationVersion: "v1";
  readonly info: ProjectorInfo;
  readonly features: ProjectorFeatures;
  /** One after the other. */
  readonly ops: readonly ProjectorOp[];
  readonly layout: ImageLayout;
  /** How the model cuts an image into tiles; undefined for as the tokenizer's own checkpoint does, null for not at all. */
  readonly tiling?: Tiling | null;
}

export interface ProjectorInfo {
  /** Which kind, such as "llava" or "internvl". */
  readonly type: string;
  /** Where it comes from: the name of its folder. */
  readonly modelId: string;
  /** Numbers that it takes of each patch: the encoder's width times the layers that it reads. */
  readonly inputDim: number;
  /** Numbers of each embedding: the language model's width. */
  readonly outputDim: number;
  /** Patches that become one embedding. */
  readonly patchesPerToken: number;
}

/** The features that a projector was trained on, which need not be those that `encode` gives. */
export interface ProjectorFeatures {
  /** Blocks (1-based, negative from the end) whose tokens are concatenated: [-1] is the last one. */
  readonly layers: readonly number[];
  /** Apply the encoder's final norm; undefined for as the encoder's last hidden state has it. */
  readonly postNorm?: boolean;
  /**
   * What the model takes of the encoder's sequence: its patches; all of it but the first token; all of it. The last two
   * mean the patches as well, and an encoder for which they would not is refused.
   */
  readonly tokens: "patches" | "all_but_first" | "all";
}

/** A step over n images of R x C tokens of width d. */
export type ProjectorOp =
  /** Each cell of factor x factor tokens, row by row, becomes one token of their widths side by side. */
  | { readonly op: "pixel_shuffle"; readonly factor: number }
  /** Each cell becomes its mean. */
  | { readonly op: "average_pool"; readonly factor: number }
  | { readonly op: "layer_norm"; readonly norm: NormRef; readonly epsilon: number }
  /** x / sqrt(mean(x²) + epsilon) * (weight + offset); Gemma stores its weights with 1 taken off. */
  | { readonly op: "rms_norm"; readonly weight: TensorRef; readonly offset: 0 | 1; readonly epsilon: number }
  /** `weight` is [out, in], or [in, out] where `transposed`. */
  | {
      readonly op: "linear";
      readonly weight: TensorRef;
      readonly bias: TensorRef | null;
      readonly transposed: boolean;
    }
  | { readonly op: "activation"; readonly kind: Exclude<Activation, "swiglu"> };

/** The order of an image's embeddings, and the text between them. */
export interface ImageLayout {
  /** Before and after all of an image; of "wrapped" views before and after each. */
  readonly prefix: string;
  readonly suffix: string;
  readonly tiles: TileLayout;
  /** How the language model's attention goes over one view's embeddings: Gemma's see each other. */
  readonly attention: "causal" | "full";
}

/** Texts may be empty; in `tile`, {row} and {column} stand for numbers from 1. */
export type TileLayout =
  /** Each view by itself, in the order of `VQRAE.views`. */
  | {
      readonly kind: "separate";
      /** Before each tile. */
      readonly tile: string;
      /** After each row of tiles. */
      readonly rowEnd: string;
      /** Before the whole image: where it is beside tiles, and where it is alone. */
      readonly whole: string;
      readonly wholeAlone: string;
    }
  /**
   * Each view by itself, with the layout's prefix and suffix around each. Where there are tiles: text before the whole image,
   * after it, and between two tiles.
   */
  | { readonly kind: "wrapped"; readonly before: string; readonly after: string; readonly between: string }
  /** The tiles put together to one grid without what lies on the canvas's border, a newline embedding after each row. */
  | { readonly kind: "stitched"; readonly newline: TensorRef };

/** The side of the cells of patches that become one token. */
export const cellSide = (ops: readonly ProjectorOp[]): number =>
  ops.reduce((side, op) => ("factor" in op ? side * op.factor : side), 1);

/**
 * Puts a projector together and works out its widths.
 * @throws INVALID_CHECKPOINT naming a tensor that does not fit what comes before it
 */
export function defineProjector({
  type,
  modelId,
  inputDim,
  ...parts
}: Pick<ProjectorInfo, "type" | "modelId" | "inputDim"> & Omit<Projector, "specificationVersion" | "info">): Projector {
  const outputDim = parts.ops.reduce(widthAfter, inputDim);
  const patchesPerToken = cellSide(parts.ops) ** 2;
  const projector: Projector = {
    specificationVersion: "v1",
    info: { type, modelId, inputDim, outputDim, patchesPerToken },
    ...parts,
  };
  const { tiles } = parts.layout;
  if (tiles.kind === "stitched") requireWidth(tiles.newline, 0, outputDim);
  return projector;
}

/** The width of the tokens after one more step. */
function widthAfter(width: number, op: ProjectorOp): number {
  switch (op.op) {
    case "pixel_shuffle":
      return width * op.factor ** 2;
    case "layer_norm":
      requireWidth(op.norm.weight, 0, width);
      return width;
    case "rms_norm":
      requireWidth(op.weight, 0, width);
      return width;
    case "linear":
      requireWidth(op.weight, op.transposed ? 0 : 1, width);
      return op.weight.shape[op.transposed ? 1 : 0]!;
    case "average_pool":
    case "activation":
      return width;
  }
}

function requireWidth({ name, shape, file }: TensorRef, axis: number, width: number): void {
  if (shape[axis] === width) return;
  const received = `shape [${shape.join(", ")}]`;
  throw expectedBut("INVALID_CHECKPOINT", `${width} numbers on axis ${axis}`, `tensor ${name} in ${file}`, received);
}
