import type { Judged } from "../../benchmark.ts";
import { percentOf } from "./mean.ts";

/** In percent; a ratio of nothing is 0. */
export interface YesNoRates {
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Share of answers that were read as yes. */
  readonly yes: number;
}

/** Rates of answers that were read as yes, no or something else; "yes" is the positive class. */
export function yesNoRates(judged: readonly Judged[]): YesNoRates {
  const saysYes = ({ parsed }: Judged) => parsed?.toLowerCase() === "yes";
  const isYes = ({ answers }: Judged) => answers[0].toLowerCase() === "yes";
  const truePositives = judged.filter((one) => saysYes(one) && isYes(one)).length;
  const positives = judged.filter(saysYes).length;
  const labels = judged.filter(isYes).length;
  return {
    accuracy: percentOf(judged),
    ...precisionRecallF1(truePositives, positives, labels),
    yes: percentage(positives, judged.length),
  };
}

/** In percent; a share of nothing is 0. */
export const percentage = (count: number, of: number): number => (of === 0 ? 0 : (100 * count) / of);

/** In percent, from how many answers are rightly positive, how many are positive, and how many should be. */
export function precisionRecallF1(truePositives: number, positives: number, labels: number) {
  const [precision, recall] = [percentage(truePositives, positives), percentage(truePositives, labels)];
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1 };
}
