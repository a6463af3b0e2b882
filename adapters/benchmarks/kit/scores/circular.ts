import type { Group, Metrics } from "../../benchmark.ts";
import { meanScore } from "./mean.ts";

/**
 * Circular evaluation: a question is right if it is right in every order of its options.
 * Source: VLMEvalKit, vlmeval/dataset/utils/multiple_choice.py, `mcq_circular_eval`; lmms-eval,
 * lmms_eval/tasks/mmbench/mmbench_evals.py, `eval_sub_data`.
 */
export const circularScore =
  (headline: string, ...fields: readonly string[]) =>
  (groups: readonly Group[]): Metrics =>
    meanScore(headline, ...fields)(groups.map((group) => [{ ...group[0], score: allRight(group) }]));

/** 1 if every question of the group is right, else 0. */
export const allRight = (group: Group): number => (group.every(({ score }) => score === 1) ? 1 : 0);
