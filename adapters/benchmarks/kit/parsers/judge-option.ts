import type { Judgement, Question } from "../../benchmark.ts";

/** Right where the letter is the answer's; nothing that could be read is wrong. */
export const judgeOption = ({ answers }: Question, letter: string | null): Judgement => ({
  parsed: letter,
  score: letter === answers[0] ? 1 : 0,
});
