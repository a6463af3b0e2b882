import type { RunRecord } from "../run/run-record.ts";
import type { McNemar, PairedBootstrap } from "../statistics/paired-tests.ts";
import type { Score } from "./scores.ts";

/** Two runs of the same questions under the same profile. */
export interface Comparison {
  readonly title: string;
  readonly headline: string;
  readonly runs: readonly [RunRecord, RunRecord];
  /** A figure of both, in the order of the benchmark. */
  readonly scores: Readonly<Record<string, readonly [Score, Score]>>;
  /** Of the headline: the second run's minus the first's. */
  readonly difference: PairedBootstrap;
  /** On groups of which all questions are right; null if a question can be half right. */
  readonly mcNemar: McNemar | null;
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  /** Questions that the runs answer differently well, the most different first. */
  readonly changed: readonly ChangedQuestion[];
}

export interface ChangedQuestion {
  readonly id: string;
  readonly answers: readonly string[];
  readonly parsed: readonly [string | null, string | null];
  readonly scores: readonly [number, number];
}
