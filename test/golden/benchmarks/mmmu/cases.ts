import type { Answers } from "../../../../adapters/benchmarks/index.ts";
import { choiceCase, type MakeCase } from "../case-maker.ts";

const makeChoice = choiceCase(6);
const ANSWERS: readonly Answers[] = [
  ["7"],
  ["1,234.5"],
  ["red", "dark red"],
  ["0.13"],
  ["x"],
  ["2.67", "2.68"],
  ["1000"],
];

/** Every third question is open. */
export const makeCase: MakeCase = (make, i) => {
  const categories = { category: make.pick(["Math", "Art"]) };
  if (i % 3 !== 0) {
    const { question, prediction } = makeChoice(make, i);
    return { question: { ...question, categories }, prediction };
  }
  const answers = make.pick(ANSWERS);
  const writtenAnswer = answers.length > 1 ? `['${answers.join("', '")}']` : answers[0];
  return { question: { answers, writtenAnswer, categories }, prediction: make.openAnswer(make.pick(answers)) };
};
