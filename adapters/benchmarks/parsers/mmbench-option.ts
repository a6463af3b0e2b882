import type { Option } from "../benchmark.ts";
import { mcqAnswer } from "../kit/parsers/mcq-answer.ts";
import { words } from "../kit/parsers/python-text.ts";

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
 * The option that an answer names, as lmms-eval's `mmbench_en_dev_static` reads it without asking GPT: by its letter alone, by
 * a letter with a mark, by an option's text, and last by `mcqAnswer`.
 * Source: lmms-eval, lmms_eval/tasks/mmbench/mmbench_evals.py, `can_infer` and `eval_sub_data`.
 */
export function mmbenchOption(answer: string, options: readonly Option[]): string | null {
  return mmbenchOptionFirst(answer, options) ?? mcqAnswer(answer, letters(options));
}

/** Its first step: what is found here and wrong ends a group, before any other answer of the group is read. */
export function mmbenchOptionFirst(answer: string, options: readonly Option[]): string | null {
  return mmbenchLetter(answer) ?? byText(answer, options);
}

/** Its letter step alone, `can_infer_option`. */
export function mmbenchLetter(answer: string): string | null {
  if (answer.includes("Failed to obtain answer via API")) return null;
  const all = words(answer);
  const bare = LETTERS.filter((letter) => all.includes(letter));
  if (bare.length === 1 && !(bare[0] === "A" && all.length > ARTICLE_WORDS)) return bare[0]!;
  for (const [before, after] of FORMS) {
    const found = LETTERS.filter((letter) => all.includes(before + letter + after));
    if (found.length === 1) return found[0]!;
  }
  return null;
}

function byText(answer: string, options: readonly Option[]): string | null {
  const text = answer.toLowerCase();
  const named = options.filter((option) => text.includes(option.text.toLowerCase()));
  return named.length === 1 ? named[0]!.letter : null;
}

const letters = (options: readonly Option[]): string[] => options.map(({ letter }) => letter).sort();
