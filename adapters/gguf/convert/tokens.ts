/** llama.cpp's `llama_token_type`. */
export const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Room that a model may have beside its tokenizer's tokens, at most: a number that a config makes up must not fill the memory. */
export const MAX_VOCABULARY = 4_000_000;

/** What a file keeps of each token, by its id. */
export interface TokenList {
  readonly texts: readonly string[];
  readonly types: readonly number[];
  /** null for a tokenizer that merges by rank. */
  readonly scores: readonly number[] | null;
}

/** Some checkpoints mark a token as ordinary that llama.cpp treats as one of control (`does_token_look_special`). */
export const looksSpecial = (token: string): boolean =>
  ["<pad>", "<mask>", "<2mass>", "[@BOS@]"].includes(token) ||
  (token.startsWith("<|") && token.endsWith("|>")) ||
  (token.startsWith("<｜") && token.endsWith("｜>")) ||
  (token.startsWith("<unused") && token.endsWith(">"));
