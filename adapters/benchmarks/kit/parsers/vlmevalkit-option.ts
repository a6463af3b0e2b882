import type { Option } from "../../benchmark.ts";
import { length, words } from "./python-text.ts";

const REFUSALS = [
  "Sorry, I can't help with images of people yet.",
  "I can't process this file.",
  "I'm sorry, but without the image provided",
  "Cannot determine the answer",
];
const ANSWER_IS = /(?:correct\s+)?answer\s+is\s+\**([ABCD])\**/iu;
/** A letter counts only among the last of the answer's words. */
const LAST_WORDS = 5;

/**
 * The option that an answer names, by letter or by text; "Z" for a refusal, null for neither, which VLMEvalKit's
 * `exact_matching` counts as wrong.
 * Source: VLMEvalKit, vlmeval/utils/matching_util.py, `can_infer`.
 */
export function vlmevalkitOption(answer: string, options: readonly Option[]): string | null {
  return byLetter(answer, options) ?? byText(answer, options);
}

function byLetter(answer: string, options: readonly Option[]): string | null {
  if (answer.includes("Failed to obtain answer via API")) return null;
  if (REFUSALS.some((refusal) => answer.includes(refusal))) return "Z";
  const all = words(answer.replaceAll(/[.()[\],:;!*#{}]/g, " "));
  const [first, ...others] = options.filter(({ letter }) => all.includes(letter));
  if (first === undefined) {
    if (all.includes("Z")) return "Z";
  } else if (others.length === 0 && all.indexOf(first.letter) > all.length - LAST_WORDS) return first.letter;
  const letter = ANSWER_IS.exec(answer)?.[1]?.toUpperCase();
  return options.find((option) => option.letter === letter)?.letter ?? null;
}

function byText(answer: string, options: readonly Option[]): string | null {
  const text = answer.toLowerCase();
  if (length(text) > 2 * options.reduce((sum, option) => sum + length(option.text), 0)) return null;
  const [first, ...others] = options.filter((option) => text.includes(option.text.toLowerCase()));
  return first && others.length === 0 ? first.letter : null;
}
