import type { Answers, Option } from "../../../../adapters/benchmarks/index.ts";
import { type CaseMaker, choiceCase, type MakeCase } from "../case-maker.ts";

const makeChoice = choiceCase(6);
/** One of a letter is VLMEvalKit's letter of an option that the row does not have. */
const ANSWERS: readonly Answers[] = [
  ["7"],
  ["1,234.5"],
  ["red", "dark red"],
  ["0.13"],
  ["x"],
  ["2.67", "2.68"],
  ["1000"],
  ["B"],
  ["A"],
  ["C"],
];

/** Every third question is open. Many name images, in any order, also twice, and in options. */
export const makeCase: MakeCase = (make, i) => {
  const categories = { category: make.pick(["Math", "Art"]) };
  const text = placed(make, make.question());
  if (i % 3 !== 0) {
    const { question, prediction } = makeChoice(make, i);
    const options = withoutSome(
      make,
      (question.options ?? []).map((one) => ({ ...one, text: make.chance(0.1) ? placed(make, one.text) : one.text })),
    );
    return { question: { ...question, text, options, categories }, images: named(text, options), prediction };
  }
  const answers = make.pick(ANSWERS);
  const writtenAnswer = answers.length > 1 ? `['${answers.join("', '")}']` : answers[0];
  return {
    question: { answers, writtenAnswer, text, categories },
    images: named(text, []),
    prediction: make.openAnswer(make.pick(answers)),
  };
};

/** As pandas reads a row of which an option is "None" or "NA". */
const withoutSome = (make: CaseMaker, options: readonly Option[]): readonly Option[] => {
  const missing = make.chance(0.15) ? make.pick(options).letter : "";
  return options.filter(({ letter }) => letter !== missing);
};

function placed(make: CaseMaker, text: string): string {
  const places = Array.from({ length: make.number(4) }, () => `<image ${1 + make.number(4)}>`);
  return places.reduce((all, place) => {
    const at = make.number(all.length + 1);
    return make.chance(0.3) ? `${place} ${all}` : `${all.slice(0, at)}${place}${all.slice(at)}`;
  }, text);
}

const named = (text: string, options: readonly Option[]): number =>
  new Set([text, ...options.map((option) => option.text)].flatMap((part) => part.match(/<image \d+>/g) ?? [])).size;
