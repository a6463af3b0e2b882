import type { MakeCase } from "../case-maker.ts";

export const makeCase: MakeCase = (make) => ({
  question: {
    answers: [make.pick(["yes", "no"])],
    categories: { category: make.pick(["random", "popular", "adversarial"]) },
  },
  prediction: make.yesNo(),
});
