import type { Group, Judged, Metrics } from "../benchmark.ts";
import { byField, mean, percentOf } from "./mean.ts";

/** In percent; a ratio of nothing is 0. */
export interface YesNoRates {
  readonly accuracy: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Share of answers that were read as yes. */
  readonly yes: number;
}

/** Of answers that were read as yes, no or something else; "yes" is the positive class. */
export function yesNoRates(judged: readonly Judged[]): YesNoRates {
  const saysYes = ({ parsed }: Judged) => parsed?.toLowerCase() === "yes";
  const isYes = ({ answers }: Judged) => answers[0]!.toLowerCase() === "yes";
  const truePositives = judged.filter((one) => saysYes(one) && isYes(one)).length;
  const positives = judged.filter(saysYes).length;
  const labels = judged.filter(isYes).length;
  return {
    accuracy: percentOf(judged),
    ...rates(truePositives, positives, labels),
    yes: share(positives, judged.length),
  };
}

/**
 * POPE as its authors score it: each category's rates, and the mean of their F1.
 * Source: POPE, evaluate.py; the mean as LLaVA reports it.
 */
export function popeOfficial(groups: readonly Group[]): Metrics {
  const categories = [...byField(groups.flat(), "category")].map(([name, some]) => [name, yesNoRates(some)] as const);
  const metrics: Record<string, number> = { "F1, mean of categories": mean(categories.map(([, { f1 }]) => f1)) };
  for (const [name, of] of categories) {
    metrics[`F1: ${name}`] = of.f1;
    metrics[`accuracy: ${name}`] = of.accuracy;
    metrics[`precision: ${name}`] = of.precision;
    metrics[`recall: ${name}`] = of.recall;
    metrics[`answers yes: ${name}`] = of.yes;
  }
  return metrics;
}

/**
 * POPE as lmms-eval scores it, all categories together. An answer that is neither yes nor no counts as no miss in its
 * recall, and its yes ratio is that of the labels.
 * Source: lmms-eval, lmms_eval/tasks/pope/utils.py.
 */
export function popeLmmsEval(groups: readonly Group[]): Metrics {
  const all = groups.flat();
  const isYes = ({ answers }: Judged) => answers[0]!.toLowerCase() === "yes";
  const truePositives = all.filter((one) => one.parsed === "yes" && isYes(one)).length;
  const positives = all.filter(({ parsed }) => parsed === "yes").length;
  const missed = all.filter((one) => one.parsed === "no" && isYes(one)).length;
  const { precision, recall, f1 } = rates(truePositives, positives, truePositives + missed);
  return {
    accuracy: percentOf(all),
    F1: f1,
    precision,
    recall,
    "yes ratio of the labels": share(all.filter(isYes).length, all.length),
    "yes ratio of the answers": share(positives, all.length),
  };
}

/**
 * POPE as VLMEvalKit scores it: a question of several categories counts once in each.
 * Source: VLMEvalKit, vlmeval/dataset/utils/yorn.py, `POPE_rating`.
 */
export function popeVlmEvalKit(groups: readonly Group[]): Metrics {
  const exploded = groups
    .flat()
    .flatMap((one) =>
      (one.categories.category ?? "").split(",").map((category) => ({ ...one, categories: { category } })),
    );
  const overall = yesNoRates(exploded);
  const metrics: Record<string, number> = {
    "F1, Overall": overall.f1,
    accuracy: overall.accuracy,
    precision: overall.precision,
    recall: overall.recall,
    "answers yes": overall.yes,
  };
  for (const [name, some] of byField(exploded, "category")) metrics[`F1: ${name}`] = yesNoRates(some).f1;
  return metrics;
}

const share = (count: number, of: number): number => (of === 0 ? 0 : (100 * count) / of);

function rates(truePositives: number, positives: number, labels: number) {
  const [precision, recall] = [share(truePositives, positives), share(truePositives, labels)];
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, f1 };
}
