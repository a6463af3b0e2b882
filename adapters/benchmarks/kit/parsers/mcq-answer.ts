import { strip, stripCharacters } from "./python-text.ts";

const PHRASES = [
  "the answer is",
  "answer is",
  "the correct answer is",
  "correct answer is",
  "the best answer is",
  "best answer is",
  "the correct option is",
  "correct option is",
  "the best option is",
  "best option is",
  "the choice is",
  "choice is",
  "the correct choice is",
  "correct choice is",
  "i choose",
  "i select",
  "i pick",
  "my answer is",
  "my choice is",
  "옵션",
  "정답은",
  "답은",
  "답:",
  "答案是",
  "答案为",
  "选",
  "答えは",
];

interface Candidate {
  readonly letter: string;
  readonly position: number;
  /** The form in which the letter was found has it: the highest wins, then the last in the answer. */
  readonly priority: number;
}

/**
 * The letter that a free answer names, by the form in which it stands; null if it stands in none.
 * Source: lmms-eval, lmms_eval/tasks/_task_utils/mcq_extract.py, `extract_mcq_answer`.
 */
export function mcqAnswer(answer: string, letters: readonly string[]): string | null {
  let bare = strip(answer);
  if (bare === "") return null;
  for (const mark of ",.!?;:'\"") bare = stripCharacters(bare, mark);
  const text = ` ${bare} `;
  const found: Candidate[] = [];
  const add = (letter: string, position: number, priority: number) => {
    if (position >= 0) found.push({ letter, position, priority });
  };
  for (const letter of letters) {
    add(letter, text.lastIndexOf(`(${letter})`), 6);
    add(letter, text.lastIndexOf(`${letter}.`), 5);
    add(letter, text.lastIndexOf(`${letter}:`), 4);
    add(letter, text.lastIndexOf(`${letter})`), 3);
    add(letter, text.lastIndexOf(`${letter} `), 2);
  }
  addAfterPhrases(text, letters, add);
  const core = strip(text);
  for (const letter of letters) {
    const alone = core.length === 1;
    if (core.startsWith(letter) && (alone || !isLetter(core.charAt(1)))) add(letter, 0, 10);
    if (core.endsWith(letter) && (alone || !isLetter(core.at(-2) ?? ""))) add(letter, text.length - 1, 9);
  }
  if (found.length === 0) for (const letter of letters) add(letter, text.lastIndexOf(letter), 0);
  return best(found)?.letter ?? null;
}

function addAfterPhrases(
  text: string,
  letters: readonly string[],
  add: (letter: string, position: number, priority: number) => void,
): void {
  const lower = text.toLowerCase();
  for (const phrase of PHRASES) {
    const at = lower.indexOf(phrase);
    if (at < 0) continue;
    for (const letter of letters) add(letter, text.indexOf(letter, at + phrase.length), 7);
  }
}

/** The first of equals, since Python's sort is stable, in reverse too. */
const best = (candidates: readonly Candidate[]): Candidate | undefined =>
  candidates.toSorted((a, b) => b.priority - a.priority || b.position - a.position)[0];

/** `str.isalpha` of one character. */
const isLetter = (character: string): boolean => /\p{L}/u.test(character);
