import { expectedBut } from "../../../../sdk/kit.ts";
import { mean } from "../../kit/index.ts";
import type { DpgItem } from "./questions.ts";

/** The answers about one crop, by question: whether it was yes. */
export type CropAnswers = ReadonlyMap<number, boolean>;

export interface ItemScore {
  /** Of each crop: the share of questions answered yes whose parents all were. 0 to 1. */
  readonly crops: readonly number[];
  /** Their mean. */
  readonly score: number;
  /**
   * Of each question: what the last crop's answer counts in its category, parents or not. That is the reference's way.
   */
  readonly categories: readonly { readonly category: string; readonly score: number }[];
}

/**
 * Scores an item's crops. A question counts 0 if one of its parents counts 0; questions are gone through in the file's
 * order, so that a zero passes on to what comes later. Equals `compute_dpg_one_sample` of TencentQQGYLab/ELLA.
 * @throws INVALID_DATA for an answer that is missing; UNSUPPORTED for a parent that is no question of the item
 */
export function scoreItem({ id, questions }: DpgItem, crops: readonly CropAnswers[]): ItemScore {
  if (crops.length === 0) throw expectedBut("INVALID_DATA", "answers about at least one crop", id, "none");
  const answers = crops.map((crop, index) =>
    questions.map((question) => {
      const answer = crop.get(question.id);
      if (answer !== undefined) return { question, score: answer ? 1 : 0 };
      throw expectedBut("INVALID_DATA", `an answer to question ${question.id}`, `crop ${index} of ${id}`, "none");
    }),
  );
  const scores = answers.map((crop) => {
    const counted = new Map(crop.map(({ question, score }) => [question.id, score]));
    for (const { id: own, parents, at } of questions) {
      const zero = parents.some((parent) => {
        const score = counted.get(parent);
        if (score !== undefined) return score === 0;
        const mend =
          "The reference drops the table's first row: an item whose questions depend on it cannot be scored.";
        throw expectedBut("UNSUPPORTED", `a question ${parent}, the parent of ${own},`, at, "none", mend);
      });
      if (zero) counted.set(own, 0);
    }
    return mean([...counted.values()]);
  });
  const last = answers.at(-1) ?? [];
  return {
    crops: scores,
    score: mean(scores),
    categories: last.map(({ question, score }) => ({ category: question.category, score })),
  };
}
