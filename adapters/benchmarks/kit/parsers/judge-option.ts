import type { Judgement, Question } from "../../benchmark.ts";

/** Right if the letter is the answer's. null, for an answer that names no letter, is wrong. */
export const judgeOption = ({ answers }: Question, letter: string | null): Judgement => ({
  parsed: letter,
  score: letter === answers[0] ? 1 : 0,
});
