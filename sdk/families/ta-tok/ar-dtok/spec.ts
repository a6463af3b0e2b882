import type { LinearRef, NormRef, TensorRef } from "../../../weights/tensor-ref.ts";

/**
 * AR-DTok of Tar (arXiv 2506.18898): a transformer like LLaMA with learned positions, which draws the ids of LlamaGen's tokenizer
 * after the features of TA-Tok's.
 */
export interface ArDtokSpec {
  /** D */
  readonly width: number;
  readonly heads: number;
  /** Numbers of a token that it draws after. */
  readonly conditionDim: number;
  /** [D, conditionDim] */
  readonly condition: LinearRef;
  /** [K, D] */
  readonly embeddings: TensorRef;
  /** [1, P, D]: of the condition's tokens and of the ids after them but the last. */
  readonly positions: TensorRef;
  readonly blocks: readonly ArDtokBlock[];
  readonly finalNorm: NormRef;
  /** [K, D] */
  readonly output: LinearRef;
}

export interface ArDtokBlock {
  readonly attentionNorm: NormRef;
  /** [3 * D, D]: query, key and value, one after the other. */
  readonly queryKeyValue: LinearRef;
  /** [D, D] */
  readonly attentionOut: LinearRef;
  readonly mlpNorm: NormRef;
  /** [hidden, D] */
  readonly gate: LinearRef;
  /** [hidden, D] */
  readonly up: LinearRef;
  /** [D, hidden] */
  readonly down: LinearRef;
}
