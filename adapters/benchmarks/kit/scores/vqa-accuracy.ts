import { mean } from "./mean.ts";

/** If so many other people agree, an answer is wholly right. */
const FULL_AGREEMENT = 3;

/**
 * The accuracy of VQA: for each person's answer, how many of the others gave the one that is scored, as a share of
 * three, and the mean of that. One in ten agreeing gives 0.3, two 0.6, three 0.9, four or more 1.
 * @param given normalized as `answers` are
 * Source: LLaVA, llava/eval/m4c_evaluator.py, `_compute_answer_scores`; the others compute the same.
 */
export function vqaAccuracy(given: string, answers: readonly string[]): number {
  const same = answers.filter((answer) => answer === given).length;
  return mean(answers.map((answer) => Math.min(1, (same - (answer === given ? 1 : 0)) / FULL_AGREEMENT)));
}
