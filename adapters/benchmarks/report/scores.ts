import { expectedBut } from "../../../sdk/kit.ts";
import type { Group, Profile } from "../benchmark.ts";
import type { Unanswered } from "../run/judge-answers.ts";
import type { RunRecord } from "../run/run-record.ts";
import { confidenceIntervals } from "../statistics/bootstrap.ts";

/** A figure and the 95 % confidence interval of its bootstrap. */
export interface Score {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A benchmark's figures. */
export interface Figures {
  /** Name of the figure that the benchmark is known by. */
  readonly headline: string;
  readonly scores: Readonly<Record<string, Score>>;
}

/** The benchmark's figures, each with its interval. @throws INVALID_ARGUMENT if `score` gives none */
export async function figuresOf(groups: readonly Group[], score: Profile["score"]): Promise<Figures> {
  const intervals = await confidenceIntervals(groups, score);
  const scores = Object.fromEntries(
    Object.entries(score(groups)).map(([name, value]) => {
      // A category that no resample drew has the interval of its value.
      const [low, high] = intervals[name] ?? [value, value];
      return [name, { value, low, high }];
    }),
  );
  const [headline] = Object.keys(scores);
  if (headline === undefined) throw expectedBut("INVALID_ARGUMENT", "a figure", "the score of a profile", "none");
  return { headline, scores };
}

/** scores.json */
export interface Scores extends RunRecord, Figures {
  readonly title: string;
  /** Groups of questions that are scored, and drawn by the bootstrap, as one. */
  readonly groups: number;
  /** Answers in which nothing could be read, so that a letter was drawn as the harness does. */
  readonly drawn: number;
  /** Questions whose image could not be read: they were not asked, and count as wrong. */
  readonly undecodable: readonly Unanswered[];
  /** Questions on which the model failed; they count as wrong. */
  readonly failed: readonly Unanswered[];
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  readonly versions: { readonly vqrae: string; readonly node: string; readonly platform: string };
  /** ISO 8601. */
  readonly finished: string;
}
