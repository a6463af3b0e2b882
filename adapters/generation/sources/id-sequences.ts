import type { SequenceBatch } from "../../llama-cpp/index.ts";

/** What a sequence is given: tokens of a prompt, none after the first time, and ids behind them. */
export interface Appended {
  readonly tokens: readonly number[];
  readonly ids: readonly number[];
}

export interface AppendIdsOptions {
  /** Which sequences of the batch, ascending. */
  readonly sequences: readonly number[];
  /** Put the hidden state behind the logits, where something may be rounded otherwise that logits do not show. */
  readonly hidden: boolean;
}

/** Sequences of a language model that ids are appended to, in a way of its own. */
export interface IdSequences {
  readonly batch: SequenceBatch;
  readonly codebookSize: number;
  /** @returns for each sequence [codebookSize] logits of the next id, and the hidden state where it is asked for */
  append(given: readonly Appended[], options: AppendIdsOptions): Promise<Float32Array[]>;
}
