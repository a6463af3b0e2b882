import { CaseMaker, type MakeCase } from "../case-maker.ts";

/** Options of these words are none in a table, and options in parquet, where lmms-eval reads them. */
const WORDS = ["None", "null", "N/A", "NA"];

/** Groups of three orders of the same options. */
export const makeCase: MakeCase = (make, i) => {
  const [group, order] = [Math.floor(i / 3), i % 3];
  const made = new CaseMaker(100_000 + group);
  const options = made
    .options()
    .slice(0, 4)
    .map((one) => (made.chance(0.1) ? { ...one, text: made.pick(WORDS) } : one));
  const turned = options.map(({ letter, text }, k) => ({
    letter,
    text: options[(k + order) % options.length]?.text ?? text,
  }));
  const { letter } = make.pick(turned);
  return {
    question: {
      id: `${group + order * 1_000_000}`,
      answers: [letter],
      options: turned,
      hint: make.chance(0.5) ? make.words(4) : undefined,
      group: `${group}`,
      categories: { category: `c${group % 5}` },
    },
    prediction: make.chance(0.7) ? letter : make.choice(turned),
  };
};
