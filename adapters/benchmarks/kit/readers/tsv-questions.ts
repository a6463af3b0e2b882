import type { Option, Question, QuestionReader } from "../../benchmark.ts";
import { findFile } from "./find-files.ts";
import { isMissing } from "./missing-values.ts";
import type { Row } from "./row.ts";
import { tsvRows } from "./tsv.ts";

/** Columns of VLMEvalKit's tables that a score may be broken down by. */
const CATEGORY_COLUMNS = ["category", "l2-category", "split"];
export const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

export interface TsvTask {
  /** Columns that the table must have beside index, question, answer and image. */
  readonly columns?: readonly string[];
  /** Changes a question that differs from the table's own fields; null leaves the row out. */
  readonly adapt?: (question: Question, row: Row) => Question | null;
}

/** Reads one of VLMEvalKit's tables: index, question, options A to Z, answer, image in base64. */
export const tsvQuestions = ({ columns = [], adapt = (question) => question }: TsvTask = {}): QuestionReader =>
  async function* ({ path }) {
    const file = await findFile(path, /\.tsv$/, "one .tsv file");
    for await (const { row, images } of tsvRows(file, ["index", "question", "answer", "image", ...columns])) {
      const question = adapt(
        {
          id: row.text("index"),
          at: row.at,
          text: row.text("question"),
          images,
          answers: [row.text("answer")],
          options: optionsOf(row),
          hint: present(row, "hint"),
          categories: categoriesOf(row),
        },
        row,
      );
      if (question) yield question;
    }
  };

/** For `adapt`, where the answer must be the letter of an option. @throws INVALID_DATA for anything else */
export function letterAnswer(question: Question, row: Row): Question {
  if (LETTERS.includes(question.answers[0])) return question;
  throw row.wrong("answer", "the letter of an option");
}

const present = (row: Row, name: string): string | undefined => {
  const text = row.optionalText(name);
  return text === undefined || isMissing(text) ? undefined : text;
};

function optionsOf(row: Row): Option[] {
  return LETTERS.flatMap((letter) => {
    const text = present(row, letter);
    return text === undefined ? [] : [{ letter, text }];
  });
}

function categoriesOf(row: Row): Record<string, string> {
  return Object.fromEntries(
    CATEGORY_COLUMNS.flatMap((name) => {
      const value = present(row, name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
