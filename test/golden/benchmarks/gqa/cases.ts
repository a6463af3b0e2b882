import type { MakeCase } from "../case-maker.ts";

export const makeCase: MakeCase = (make) => {
  const answer = make.pick(["cat", "red", "yes", "light blue", "t-shirt", "no", "café"]);
  return { question: { answers: [answer] }, prediction: make.chance(0.6) ? make.noise(answer) : make.shortAnswer() };
};
