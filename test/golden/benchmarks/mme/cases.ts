import { COGNITION, PERCEPTION } from "../../../../adapters/benchmarks/tasks/mme/score.ts";
import type { MakeCase } from "../case-maker.ts";

const SUBTASKS = [...PERCEPTION, ...COGNITION];

/** Two questions an image. */
export const makeCase: MakeCase = (make, i) => {
  const image = Math.floor(i / 2);
  const category = SUBTASKS[image % SUBTASKS.length] ?? "";
  return {
    question: { answers: [make.pick(["Yes", "No"])], group: `${category}/${image}`, categories: { category } },
    prediction: make.yesNo(),
  };
};
