import type { Option } from "../../benchmark.ts";
import { mcqAnswer, pythonText } from "../../kit/index.ts";

const LETTERS = [..."ABCDE"];
/** What may stand before and after a letter, in the order in which it is looked for. */
const FORMS = [
  ["", "."],
  ["", ","],
  ["", ":"],
  ["", ")"],
  ["", ")."],
  ["(", ")"],
  ["(", ")."],
  [":", ""],
  [":", ","],
  [":", "."],
  [":", ")"],
  [":", ")."],
] as const;
/** "A" in a longer answer may be an article. */
const ARTICLE_WORDS = 3;

/**
 * The option that an answer names, as lmms-eval's `mmbench_en_dev_static` reads it without asking GPT: by its letter
 * alone, by a letter with a mark, by an option's text, and last by `mcqAnswer`.
 * Source: lmms-eval, lmms_eval/tasks/mmbench/mmbench_evals.py, `can_infer` and `eval_sub_data`.
 */
export function mmbenchOption(answer: string, options: readonly Option[]): string | null {
  return mmbenchLetter(answer) ?? byText(answer, options) ?? mcqAnswer(answer, letters(options));
}

/** Its letter step alone, `can_infer_option`. */
export function mmbenchLetter(answer: string): string | null {
  if (answer.includes("Failed to obtain answer via API")) return null;
  const all = pythonText.words(answer);
  const bare = onlyOne(LETTERS.filter((letter) => all.includes(letter)));
  if (bare !== null && !(bare === "A" && all.length > ARTICLE_WORDS)) return bare;
  for (const [before, after] of FORMS) {
    const found = onlyOne(LETTERS.filter((letter) => all.includes(before + letter + after)));
    if (found !== null) return found;
  }
  return null;
}

function byText(answer: string, options: readonly Option[]): string | null {
  const text = answer.toLowerCase();
  return onlyOne(letters(options.filter((option) => text.includes(option.text.toLowerCase()))));
}

const onlyOne = ([first, ...others]: readonly string[]): string | null =>
  first !== undefined && others.length === 0 ? first : null;

const letters = (options: readonly Option[]): string[] => options.map(({ letter }) => letter).sort();
