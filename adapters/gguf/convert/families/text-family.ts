import type { GgufValue } from "../../../../sdk/kit.ts";

/** Keys and values without the architecture's name before them. */
export type OwnKeys = readonly (readonly [key: string, value: GgufValue])[];

/** A kind of language model: what config.json may leave out, and what its GGUF file has that others do not have. */
export interface TextFamily {
  /** llama.cpp's name of the architecture. */
  readonly architecture: string;
  /** By `model_type` of the language model's part of config.json. */
  readonly modelTypes: readonly string[];
  /** The values that transformers gives to fields that config.json leaves out. */
  readonly defaults: Readonly<Record<string, number>>;
  /** Where config.json has no `head_dim`: width / heads, or none if neither this nor a default says one. */
  readonly headDimFromWidth?: boolean;
  /** What tensors outside of blocks are called in a GGUF file, by their names in safetensors without ".weight". */
  readonly rootNames: Readonly<Record<string, string>>;
  /** What a block's tensors are called there. */
  readonly blockNames: Readonly<Record<string, string>>;
  /** Queries and keys are stored in halves of rotary positions, which llama.cpp wants in pairs (`LlamaModel.permute`). */
  readonly rotaryPairs?: boolean;
  /** The norms multiply by 1 + weight. */
  readonly shiftedNorms?: boolean;
  /** Experts that are stored in one tensor are transposed. */
  readonly transposedExperts?: boolean;
  /** Which tokenizers llama.cpp's converter takes for it. */
  readonly tokenizers: "byte-level" | "sentencepiece" | "either";
  /** Whether a text begins with a space for the tokenizer: a value, or tokenizer_config.json's own. */
  readonly spacePrefix?: false | "as configured";
  /** Keys after those that all have. One that is there already is replaced in its place. */
  readonly keys?: (config: TextConfig) => OwnKeys;
  /** @throws UNSUPPORTED for a config that llama.cpp computes in another way than transformers */
  readonly check?: (config: TextConfig, file: string) => void;
}

/** A language model's config, with what transformers would fill in. */
export interface TextConfig {
  readonly family: TextFamily;
  readonly layers: number;
  readonly contextLength: number;
  readonly width: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Numbers a head; null where the config leaves it to width and heads. */
  readonly headDim: number | null;
  readonly vocabSize: number;
  readonly epsilon: number;
  /** null for a model without experts. */
  readonly experts: { readonly count: number; readonly used: number } | null;
  /** Of layers that attend to everything. */
  readonly rope: Readonly<Record<string, unknown>>;
  /** The rotary base of layers with a sliding window; null where all layers are alike. */
  readonly windowRopeBase: number | null;
  /** config.json as it is. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** The language model's part of it. */
  readonly text: Readonly<Record<string, unknown>>;
}
