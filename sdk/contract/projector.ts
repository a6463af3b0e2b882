import { expectedBut } from "../errors.ts";
import type { Tiling } from "../image/view-plan.ts";
import { requireWidth } from "../nn/ops/op.ts";
import { cellSide, outputWidth, type ProjectorOp } from "../nn/ops/projector-op.ts";
import type { TensorRef } from "../weights/tensor-ref.ts";

export type { ProjectorOp };

/**
 * Turns an encoder's features into the embeddings of a language model. It is plain data, which goes to worker threads.
 * `loadProjector` reads one from a checkpoint, `defineProjector` puts one together, and `VQRAE.load(folder, { projector })` runs
 * it behind the encoder, in one graph.
 */
export interface Projector {
  /** The version of this contract. */
  readonly specificationVersion: "v1";
  readonly info: ProjectorInfo;
  readonly features: ProjectorFeatures;
  /** The steps, one after the other. */
  readonly ops: readonly ProjectorOp[];
  /**
   * DeepStack (arXiv 2406.04334; Qwen3-VL): what the language model adds to the hidden states of an image's tokens after its
   * first layers, one level a layer. Each embedding is then its own `width` numbers and behind them those of each level in
   * order, (1 + levels) * width in all, as llama.cpp (`llama_model_n_embd_inp`) and vLLM take it. None by default.
   */
  readonly deepstack?: readonly DeepstackLevel[];
  readonly layout: ImageLayout;
  /** How the model cuts an image into tiles. undefined: as the tokenizer's own checkpoint does. null: not at all. */
  readonly tiling?: Tiling | null;
}

export interface ProjectorInfo {
  /** Which kind, such as "llava" or "internvl". */
  readonly type: string;
  /** Where it comes from: the name of its folder. */
  readonly modelId: string;
  /** Numbers that it takes of each patch: the encoder's width times the layers that it reads. */
  readonly inputDim: number;
  /** Numbers of each embedding: the language model's width, times 1 + `deepstackLevels`. */
  readonly outputDim: number;
  /** Further embeddings that each one carries behind its own numbers; 0 for most models. */
  readonly deepstackLevels: number;
  /** Patches that become one embedding. */
  readonly patchesPerToken: number;
}

/** The features that a projector was trained on. `encode` may give other ones. */
export interface ProjectorFeatures {
  /** Blocks (1-based, negative from the end) whose tokens are concatenated: [-1] is the last one. */
  readonly layers: readonly number[];
  /** Whether the encoder's final norm is applied. undefined: as in the encoder's last hidden state. */
  readonly postNorm?: boolean;
  /**
   * What the model takes of the encoder's sequence: its patches, all tokens but the first, or all tokens. Loading refuses an
   * encoder of which that is more than the patches.
   */
  readonly tokens: "patches" | "all_but_first" | "all";
}

export interface DeepstackLevel {
  /** The encoder's block (1-based) whose tokens it takes. */
  readonly layer: number;
  /** The steps, which make as many tokens of the same width as the projector's own. */
  readonly ops: readonly ProjectorOp[];
}

/** The order of an image's embeddings, and the text between them. */
export interface ImageLayout {
  /** Before and after all of an image; of "wrapped" views before and after each. */
  readonly prefix: string;
  readonly suffix: string;
  /** After each row of a view's embeddings but the last, each of which is then a segment by itself (Pixtral); "" by default. */
  readonly rowBreak?: string;
  readonly tiles: TileLayout;
  /** How the language model's attention goes over one view's embeddings. "full": they see each other, as in Gemma 3. */
  readonly attention: "causal" | "full";
}

/** The text around tiles, which may be empty. In `tile`, {row} and {column} stand for numbers from 1. */
export type TileLayout =
  /** Each view by itself, in the order of `VQRAE.views`. */
  | {
      readonly kind: "separate";
      /** Before each tile. */
      readonly tile: string;
      /** After each row of tiles. */
      readonly rowEnd: string;
      /** Before the whole image that comes with tiles. */
      readonly whole: string;
      /** Before the whole image that comes alone. */
      readonly wholeAlone: string;
    }
  /**
   * Each view by itself, with the layout's prefix and suffix around each. Where there are tiles: text before the whole image,
   * after it, and between two tiles.
   */
  | { readonly kind: "wrapped"; readonly before: string; readonly after: string; readonly between: string }
  /** The tiles as one grid, without the canvas's border. A newline embedding [outputDim] follows each row. */
  | { readonly kind: "stitched"; readonly newline: TensorRef };

/**
 * Puts a projector together and works out its widths.
 * @throws INVALID_ARGUMENT for an op that is not known or has a wrong field; INVALID_CHECKPOINT naming a tensor that does not fit
 *   the tokens that it is given
 */
export function defineProjector({
  type,
  modelId,
  inputDim,
  ...parts
}: Pick<ProjectorInfo, "type" | "modelId" | "inputDim"> & Omit<Projector, "specificationVersion" | "info">): Projector {
  const { deepstack = [], features } = parts;
  const width = outputWidth(parts.ops, inputDim);
  const side = cellSide(parts.ops);
  for (const { layer, ops } of deepstack) requireLevel(ops, inputDim / features.layers.length, { width, side, layer });
  const outputDim = width * (1 + deepstack.length);
  const projector: Projector = {
    specificationVersion: "v1",
    info: { type, modelId, inputDim, outputDim, deepstackLevels: deepstack.length, patchesPerToken: side ** 2 },
    ...parts,
  };
  const { tiles } = parts.layout;
  if (tiles.kind === "stitched") requireWidth(tiles.newline, 0, outputDim);
  return projector;
}

/** A level's embeddings go to the same tokens as the projector's own. */
function requireLevel(
  ops: readonly ProjectorOp[],
  inputDim: number,
  { width, side, layer }: { readonly width: number; readonly side: number; readonly layer: number },
): void {
  const [own, ownSide] = [outputWidth(ops, inputDim), cellSide(ops)];
  if (own === width && ownSide === side) return;
  const what = `cells of ${side} x ${side} patches as ${width} numbers`;
  const received = `${ownSide} x ${ownSide} as ${own}`;
  throw expectedBut("INVALID_CHECKPOINT", what, `the deepstack level after block ${layer}`, received);
}
