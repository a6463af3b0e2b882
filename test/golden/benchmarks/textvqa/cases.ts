import type { MakeCase } from "../case-maker.ts";

/** Ten people's answers. */
export const makeCase: MakeCase = (make) => {
  const pool = [make.shortAnswer(), make.shortAnswer(), make.words(1)];
  return {
    question: { answers: [make.pick(pool), ...Array.from({ length: 9 }, () => make.pick(pool))] },
    prediction: make.chance(0.7) ? make.noise(make.pick(pool)) : make.shortAnswer(),
  };
};
