import type { z } from "zod";
import type { Activation } from "../checkpoint.ts";
import type { ImageProcessor } from "./image-processors.ts";

/**
 * A family of encoders: everything that loading needs to know about one Hugging Face architecture, as data. To add
 * one, write such a record in a file of its own and list it in `families/all.ts`.
 */
export interface EncoderFamily {
  /** Each `model_type` of config.json, and the keys that lead from its top to the vision config. */
  readonly modelTypes: Readonly<Record<string, readonly string[]>>;
  /** Reads the vision config; a missing field gets the value that transformers gives it. */
  readonly config: z.ZodType<VisionConfig>;
  /** The image processor whose defaults apply where no file describes the preprocessing. */
  readonly imageProcessor: ImageProcessor;
  /** What the tensors' names may start with, by the kind of model that was saved. */
  readonly prefixes: readonly string[];
  readonly names: EncoderNames;
  /** Tensors of relatives that compute something else, and what an encoder would have to be instead. */
  readonly refuses: readonly { readonly tensor: string; readonly expected: string }[];
}

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
}

/** Tensor names after the prefix; linears and norms without their ".weight" and ".bias". */
export interface EncoderNames {
  readonly patchEmbedding: string;
  /** A [1, 1, hidden] tensor that comes first in the sequence; null for a family without one. */
  readonly classToken: string | null;
  readonly positions: string;
  /** The shape of `positions`; `tokens` counts the class token. */
  readonly positionsShape: (tokens: number, hiddenSize: number) => readonly number[];
  /** The names of block `index` (0-based). */
  readonly block: (index: number) => BlockNames;
  readonly finalNorm: string;
}

export interface BlockNames {
  readonly norm1: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly out: string;
  readonly norm2: string;
  readonly fc1: string;
  readonly fc2: string;
}
