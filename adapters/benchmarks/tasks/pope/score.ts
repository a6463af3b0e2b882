import type { Group, Judged, Metrics } from "../../benchmark.ts";
import { byField, mean, percentage, percentOf, precisionRecallF1, yesNoRates } from "../../kit/index.ts";

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
  const isYes = ({ answers }: Judged) => answers[0].toLowerCase() === "yes";
  const truePositives = all.filter((one) => one.parsed === "yes" && isYes(one)).length;
  const positives = all.filter(({ parsed }) => parsed === "yes").length;
  const missed = all.filter((one) => one.parsed === "no" && isYes(one)).length;
  const { precision, recall, f1 } = precisionRecallF1(truePositives, positives, truePositives + missed);
  return {
    accuracy: percentOf(all),
    F1: f1,
    precision,
    recall,
    "yes ratio of the labels": percentage(all.filter(isYes).length, all.length),
    "yes ratio of the answers": percentage(positives, all.length),
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
