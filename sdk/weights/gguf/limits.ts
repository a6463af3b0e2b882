// What a GGUF file may hold here. Real files stay far below. Crafted ones get an error before they cost memory.

/** 2 (64-bit lengths) and 3; version 1 is refused by llama.cpp too. */
export const VERSIONS: readonly number[] = [2, 3];
/** Everything before the tensor data. A vocabulary of 262,144 tokens with its merges takes about 16 MB. */
export const MAX_HEADER_BYTES = 100_000_000;
/** Models have some dozens. */
export const MAX_KEYS = 10_000;
/** The limit of the format's description. */
export const MAX_KEY_BYTES = 65_535;
/** A chat template takes up to about 20 kB. */
export const MAX_STRING_BYTES = 10_000_000;
/** Elements of all arrays together: a large vocabulary has some 10^5 tokens, scores, types and merges. */
export const MAX_ARRAY_ELEMENTS = 16_000_000;
/** Arrays inside arrays. */
export const MAX_ARRAY_DEPTH = 4;
/** Models with hundreds of experts a layer have some thousands. */
export const MAX_TENSORS = 100_000;
/** `GGML_MAX_NAME` is 64 bytes, with the zero at the end. */
export const MAX_TENSOR_NAME_BYTES = 63;
/** `GGML_MAX_DIMS`. */
export const MAX_DIMENSIONS = 4;
/** A file that says nothing aligns its tensors to this many bytes (`GGUF_DEFAULT_ALIGNMENT`). */
export const DEFAULT_ALIGNMENT = 32;
/** A huge page: nobody gains from more. */
export const MAX_ALIGNMENT = 2 * 1024 * 1024;

export const ALIGNMENT_KEY = "general.alignment";
export const isAlignment = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_ALIGNMENT && Math.log2(Number(value)) % 1 === 0;
