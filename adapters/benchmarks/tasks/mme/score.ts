import type { Group, Metrics } from "../../benchmark.ts";
import { allRight, groupBy, mean, percentOf } from "../../kit/index.ts";

export const PERCEPTION = [
  "existence",
  "count",
  "position",
  "color",
  "posters",
  "celebrity",
  "scene",
  "landmark",
  "artwork",
  "OCR",
];
export const COGNITION = ["commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"];

/**
 * Points of a subtask: the accuracy in percent, and the percent of images both of whose questions are right; at most
 * 200 a subtask, 2,000 for perception.
 * Source: lmms-eval, lmms_eval/tasks/mme/utils.py, `mme_aggregate_results`; VLMEvalKit, vlmeval/dataset/utils/yorn.py,
 * `MME_rating`.
 */
export function mmeScore(groups: readonly Group[]): Metrics {
  const bySubtask = groupBy(groups, ([first]) => first.categories.category);
  const points = new Map<string, number>();
  for (const name of [...PERCEPTION, ...COGNITION]) {
    const images = bySubtask.get(name);
    if (images) points.set(name, mean(images.map((image) => percentOf(image) + 100 * allRight(image))));
  }
  const sum = (names: readonly string[]) => names.reduce((total, name) => total + (points.get(name) ?? 0), 0);
  const cognition = COGNITION.some((name) => points.has(name)) ? { "cognition (points)": sum(COGNITION) } : {};
  return {
    "perception (points)": sum(PERCEPTION),
    ...cognition,
    ...Object.fromEntries([...points].map(([name, value]) => [`${name} (points)`, value])),
  };
}
