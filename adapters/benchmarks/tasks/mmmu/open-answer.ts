import { pythonText } from "../../kit/index.ts";

const INDICATORS = ["could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result "];
const TRIVIAL = [":", ",", ".", "!", "?", ";", "'"];
/** Python's \w and \b know every script. */
const WORD = "[\\p{L}\\p{N}_]";
const EDGE = `(?:(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD}))`;
const WITH_COMMAS = new RegExp(`-?${EDGE}\\p{Nd}{1,3}(?:,\\p{Nd}{3})+${EDGE}`, "gu");
const SCIENTIFIC = /-?\p{Nd}+(?:\.\p{Nd}+)?[eE][+-]?\p{Nd}+/gu;
const SIMPLE = new RegExp(
  `-?(?:\\p{Nd}+\\.\\p{Nd}+|\\.\\p{Nd}+|\\p{Nd}+${EDGE})(?![eE][+-]?\\p{Nd}+)(?![,\\p{Nd}])`,
  "gu",
);

type Value = string | number;

/**
 * Everything that an answer to an open question of MMMU may be taken to say: the tails behind "is", "answer" and the
 * like, and the numbers in them.
 * Source: MMMU, mmmu/utils/eval_utils.py, `parse_open_response`.
 */
export function mmmuOpenValues(answer: string): Value[] {
  const tails = keyTails(pythonText.stripCharacters(pythonText.strip(answer), ".").toLowerCase());
  return [...new Set([...tails, ...tails.flatMap(numbers)].flatMap(normalized))];
}

/** Whether one of `values` is, or holds, one of the right answers (`eval_open`). */
export function mmmuOpenIsRight(values: readonly Value[], answers: readonly string[]): boolean {
  const right = answers.flatMap(normalized);
  return values.some((value) =>
    right.some((one) =>
      typeof value === "string"
        ? typeof one === "string" && value.includes(one)
        : typeof one === "number" && one === value,
    ),
  );
}

/** The answer is in lower case here, so that the published split at ". " before a capital never happens. */
function keyTails(text: string): string[] {
  const lines = text.split("\n");
  const found: string[] = [];
  for (const [i, line] of lines.entries()) {
    const indicators = i === lines.length - 1 ? [...INDICATORS, "="] : INDICATORS;
    let shortest = "";
    for (const indicator of indicators) {
      if (!line.includes(indicator)) continue;
      const tail = pythonText.strip(line.slice(line.lastIndexOf(indicator) + indicator.length));
      if (shortest === "" || pythonText.length(tail) < pythonText.length(shortest)) shortest = tail;
    }
    if (shortest !== "" && !TRIVIAL.includes(shortest)) found.push(shortest);
  }
  return found.length > 0 ? found : [text];
}

const numbers = (text: string): string[] => [WITH_COMMAS, SCIENTIFIC, SIMPLE].flatMap((form) => text.match(form) ?? []);

/**
 * A number rounded to hundredths, or the text in lower case; one character is padded, that it matches no word's part.
 */
function normalized(text: string): Value[] {
  const bare = pythonText.strip(text);
  const value = pythonText.float(bare.replaceAll(",", ""));
  if (value !== null) return [pythonText.round2(value)];
  const lower = bare.toLowerCase();
  return pythonText.length(lower) === 1 ? [` ${lower}`, `${lower} `] : [lower];
}
