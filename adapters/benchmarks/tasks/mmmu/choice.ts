import type { Option } from "../../benchmark.ts";
import { pythonText } from "../../kit/index.ts";

/** A longer answer may give an option's text in place of its letter. */
const SHORT_ANSWER_WORDS = 5;

const inBrackets = (letter: string) => `(${letter})`;
const alone = (letter: string) => ` ${letter} `;

/**
 * The letter that an answer to a multiple-choice question of MMMU names; null if the harness draws one.
 * Source: MMMU, mmmu/utils/eval_utils.py, `parse_multi_choice_response`.
 */
export const mmmuChoice = (answer: string, options: readonly Option[]): string | null =>
  choice(answer, options, [alone]);

/**
 * The same as lmms-eval reads it: a letter with a space or a period behind it, whatever stands before, so that "DNA
 * test" is A.
 * Source: lmms-eval, lmms_eval/tasks/_task_utils/mmmu_mcq_utils.py, `parse_mmmu_multi_choice_response`.
 */
export const mmmuChoiceLmmsEval = (answer: string, options: readonly Option[]): string | null =>
  choice(answer, options, [(letter) => `${letter} `, (letter) => `${letter}.`]);

function choice(
  answer: string,
  options: readonly Option[],
  others: readonly ((letter: string) => string)[],
): string | null {
  let bare = answer;
  for (const mark of ",.!?;:'") bare = pythonText.stripCharacters(bare, mark);
  const text = ` ${bare} `;
  const lower = text.toLowerCase();
  for (const form of [inBrackets, ...others]) {
    const found = options.filter(({ letter }) => text.includes(form(letter)));
    // Whatever form it was found by, of several the last that stands alone wins.
    const place = form === inBrackets ? inBrackets : alone;
    if (found.length > 0) return last(found, ({ letter }) => text.lastIndexOf(place(letter)));
  }
  if (pythonText.words(text).length <= SHORT_ANSWER_WORDS) return null;
  const named = options.filter((option) => lower.includes(option.text.toLowerCase()));
  return named.length > 0 ? last(named, (option) => lower.lastIndexOf(option.text.toLowerCase())) : null;
}

/** The letter whose place is the last; of equals the first, as numpy's argmax. */
function last(found: readonly Option[], place: (option: Option) => number): string {
  return found.reduce((best, option) => (place(option) > place(best) ? option : best)).letter;
}
