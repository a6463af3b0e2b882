import type * as z from "zod";
import type { Activation } from "../../nn/layers/activation.ts";
import type { ImageProcessor } from "../image/image-processor.ts";

/**
 * A vision transformer as data: everything that reading needs to know about one Hugging Face architecture. To add one, write
 * such a record in a folder of its own and list it in `vit/architectures.ts`.
 */
export interface VitArchitecture {
  /** Each `model_type` of config.json, and the keys that lead from its top to the vision config. A model of another type
   * that has a `vision_config` of these is a VLM, whose vision tower loads. */
  readonly modelTypes: Readonly<Record<string, readonly string[]>>;
  /** Reads the vision config; a missing field gets the value that transformers gives it. */
  readonly config: z.ZodType<VisionConfig>;
  /** The image processor whose defaults apply where no file describes the preprocessing. */
  readonly imageProcessor: ImageProcessor;
  readonly names: VitNames;
  /** Whether the patch embedding is a linear over patches ordered row, column, channel, rather than a convolution. */
  readonly channelsLast: boolean;
  readonly grids: Grids;
  /** Whether the class token's row of the position table is the last one; left out for the first. */
  readonly classPositionLast?: boolean;
  /** The row of the position table for each row of `side` patches, and the column for each column; left out for in order. */
  readonly positionBuckets?: (side: number) => readonly number[];
  /** Whether a checkpoint may hold a linear `classifier` on the class token (default false). */
  readonly classifies?: boolean;
  /** Tensors of relatives that compute something else, and what an encoder would have to be instead. */
  readonly refuses: readonly { readonly tensor: string; readonly expected: string }[];
}

/** Which grids of patches an encoder takes, and how its trained positions are brought to them. */
export type Grids =
  /** The trained one alone: transformers interpolates positions only when asked to. */
  | { readonly kind: "trained" }
  /** Any square one, the same for all images: torch's bicubic `interpolate`, with or without antialias. */
  | { readonly kind: "square"; readonly antialias: boolean }
  /** Each image's own: torch's bilinear `interpolate` with antialias. */
  | { readonly kind: "native" };

/** The numbers that decide an encoder's graph. */
export interface VisionConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly layerNormEps: number;
  readonly activation: Activation;
  /** Whether query, key and value have a bias. */
  readonly qkvBias: boolean;
  /** Tokens between the class token and the patches. */
  readonly registers: number;
  /** Whether the blocks' norms are RMSNorms. */
  readonly rmsNorm: boolean;
  /** Whether query and key go through an RMSNorm (InternViT-6B). */
  readonly qkNorm: boolean;
  /** Whether `finalNorm` gives the last hidden state; CLIP keeps it for its pooled token. */
  readonly postNorm: boolean;
}

/** Tensor names after the prefix; linears and norms without their ".weight" and ".bias". */
export interface VitNames extends EmbeddingNames {
  /** The names of block `index` (0-based). */
  readonly block: (index: number) => BlockNames;
  readonly firstNorm: string | null;
  readonly finalNorm: string | null;
}

export interface EmbeddingNames {
  readonly patchEmbedding: string;
  readonly patchEmbeddingBias: boolean;
  /** Comes first in the sequence; null for a family without one. */
  readonly classToken: string | null;
  /** [1, 1, hidden] for most, [hidden] for CLIP. */
  readonly classTokenShape: (hiddenSize: number) => readonly number[];
  readonly registers: string | null;
  readonly positions: string;
  /** The shape of `positions`; `tokens` counts the class token. */
  readonly positionsShape: (tokens: number, hiddenSize: number) => readonly number[];
}

export interface BlockNames {
  readonly norm1: string;
  /** Three linears, or the name of one that holds their rows in this order. */
  readonly attention: { readonly query: string; readonly key: string; readonly value: string } | string;
  readonly queryNorm?: string;
  readonly keyNorm?: string;
  readonly out: string;
  readonly norm2: string;
  readonly fc1: string;
  readonly fc2: string;
  /** The same two of a gated MLP. */
  readonly gated?: { readonly fc1: string; readonly fc2: string };
  /** Tensors of the layer scales, their names whole. */
  readonly scales?: readonly [string, string];
}
