import { contractions } from "./contractions.ts";
import { strip, words } from "./python-text.ts";

const PUNCTUATION = [...';/[]"{}()=+\\_-><@`,?!'];
const NUMBERS: Readonly<Record<string, string>> = {
  none: "0",
  zero: "0",
  one: "1",
  two: "2",
  three: "3",
  four: "4",
  five: "5",
  six: "6",
  seven: "7",
  eight: "8",
  nine: "9",
  ten: "10",
};
const ARTICLES = ["a", "an", "the"];
/** The scorers pass a flag, whose value is 32, in the place in which `re.sub` takes the most replacements. */
const MOST_PERIODS = 32;

/**
 * An answer as TextVQA's scorer compares it.
 * Source: LLaVA, llava/eval/m4c_evaluator.py; lmms-eval, lmms_eval/tasks/_task_utils/vqa_eval_metric.py.
 */
export function evalAiAnswer(answer: string): string {
  const text = strip(answer.toLowerCase().replaceAll(",", "").replaceAll("?", "").replaceAll("'s", " 's"));
  const line = strip(text.replaceAll("\n", " ").replaceAll("\t", " "));
  const bare = withoutMarks(line, /(?<=\p{Nd}),+(?=\p{Nd})/u);
  // The published pattern's look-behind is mistyped and never holds, so a digit before the period does not keep it.
  return plainWords(replaceFirst(bare, /\.(?!\p{Nd})/gu));
}

/**
 * An answer as VLMEvalKit compares it.
 * Source: VLMEvalKit, vlmeval/dataset/utils/vqa_eval.py, `process_answer`.
 */
export function vlmevalkitAnswer(answer: string): string {
  return plainWords(vlmevalkitPunctuation(strip(answer.replaceAll("\n", " ").replaceAll("\t", " "))));
}

/** Source: VLMEvalKit, vlmeval/smp/misc.py, `process_punctuation`. */
export function vlmevalkitPunctuation(text: string): string {
  return replaceFirst(withoutMarks(text, /\p{Nd},\p{Nd}/u), /(?<!\p{Nd})\.(?!\p{Nd})/gu);
}

/** A mark beside a space goes, and all do if a comma stands in a number. Between letters a mark becomes a space. */
function withoutMarks(text: string, commaInNumber: RegExp): string {
  const inNumber = commaInNumber.test(text);
  let result = text;
  for (const mark of PUNCTUATION) {
    const goes = inNumber || text.includes(`${mark} `) || text.includes(` ${mark}`);
    result = result.replaceAll(mark, goes ? "" : " ");
  }
  return result;
}

function replaceFirst(text: string, period: RegExp): string {
  let count = 0;
  return text.replaceAll(period, (found) => (count++ < MOST_PERIODS ? "" : found));
}

function plainWords(text: string): string {
  return words(text.toLowerCase())
    .map((word) => own(NUMBERS, word))
    .filter((word) => !ARTICLES.includes(word))
    .map((word) => own(contractions, word))
    .join(" ");
}

/** A word of the table's own, since "constructor" is in every object. */
const own = (table: Readonly<Record<string, string>>, word: string): string =>
  (Object.hasOwn(table, word) ? table[word] : undefined) ?? word;
