/** What a language model of Tar (arXiv 2506.18898, csuhan/Tar) has in its vocabulary, and how its conversations begin. */

/** The token of a tokenizer's id. */
export const imageTokenOf = (id: number): string => `<I${id}>`;

/** i2t_inference.py and t2i_inference.py. */
export const TAR_SYSTEM_MESSAGE = "You are a helpful assistant.";

/** Whether a language model's GGUF file has tokens of images in its own vocabulary. */
export const readsImageTokens = (gguf: GgufMetadata): boolean => tokensIn(gguf).includes(imageTokenOf(0));

/** The texts of its tokens; empty for a file without. */
export function tokensIn({ metadata }: GgufMetadata): readonly unknown[] {
  const tokens = metadata.get("tokenizer.ggml.tokens")?.value;
  return Array.isArray(tokens) ? tokens : [];
}

interface GgufMetadata {
  readonly metadata: ReadonlyMap<string, { readonly value: unknown }>;
}
