import type { TokenIds } from "./decoder.ts";

/**
 * The layers between ids and a language model whose vocabulary does not hold them, such as Janus': ids go in as embeddings, and
 * the next id's logits are computed of the hidden state behind its last norm.
 */
export interface IdHead {
  /** Numbers of each embedding and of each hidden state: the language model's width. */
  readonly width: number;
  /** Ids that it embeds and predicts. */
  readonly codebookSize: number;

  /**
   * What the language model is given for each id: [ids, width].
   * @throws INVALID_ARGUMENT for an id outside the codebook; DISPOSED, RUNTIME; the signal's reason
   */
  embedIds(ids: TokenIds, options?: IdHeadOptions): Promise<Float32Array>;

  /**
   * The logits of the id that follows each of the hidden states [n, width]: [n, codebookSize].
   * @throws INVALID_ARGUMENT for another width; DISPOSED, RUNTIME; the signal's reason
   */
  predictIds(hiddenStates: Float32Array, options?: IdHeadOptions): Promise<Float32Array>;
}

export interface IdHeadOptions {
  readonly signal?: AbortSignal | undefined;
}
