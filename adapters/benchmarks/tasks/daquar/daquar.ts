import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Profile, QuestionReader } from "../../benchmark.ts";
import { defineBenchmark } from "../../define-benchmark.ts";
import { fileImage, findFile, meanScore, Row } from "../../kit/index.ts";
import { openTable, tableRows } from "../../kit/readers/table.ts";

const COLUMNS = ["question", "answer", "image_id"];

/** The things that an answer names, in the same order for the same things. */
const things = (answer: string): string =>
  answer
    .toLowerCase()
    .replace(/\.\s*$/, "")
    .split(",")
    .map((thing) => thing.trim().replaceAll(/[\s_]+/g, "_"))
    .filter(Boolean)
    .sort()
    .join(", ");

const official: Profile = {
  protocol: {
    prompt: "the question as it is, and a question mark",
    parser: "lower case, without a full stop at the end; several things in any order; a space and _ are the same",
    formula: "share of answers that name the same things; WUPS, which needs WordNet, is not reckoned",
    source: "Malinowski and Fritz, arXiv 1410.0210, section 4 (accuracy); no harness has it",
  },
  maxTokens: 16,
  prompt: ({ text }) => `${text}?`,
  judge({ answers }, answer) {
    const parsed = things(answer);
    return { parsed, score: parsed === things(answers[0]) ? 1 : 0 };
  },
  score: meanScore("accuracy", "kind"),
};

function kindOf(question: string, answer: string): string {
  if (/^\d+$/.test(answer)) return "number";
  return /\bcolou?r\b/.test(question) ? "colour" : "object";
}

/** data.csv, data_train.csv or data_eval.csv with question, answer and image_id; images/<image_id>.png or .jpg beside it. */
const csv: QuestionReader = async function* ({ path, images }) {
  const file = await findFile(path, /\.csv$/, "one table (.csv) of question, answer and image_id");
  const folder = images ?? join(dirname(file), "images");
  let number = 0;
  const table = await openTable(file, { delimiter: ",", columns: COLUMNS, typed: false });
  for await (const { at, fields } of tableRows(table)) {
    const row = new Row(at, fields);
    const name = join(folder, row.text("image_id"));
    const [text, answer] = [row.text("question"), row.text("answer")];
    yield {
      id: String(number++),
      at,
      text,
      images: [fileImage(existsSync(`${name}.jpg`) ? `${name}.jpg` : `${name}.png`)],
      answers: [answer],
      options: [],
      categories: { kind: kindOf(text, answer) },
    };
  }
};

export const daquar = defineBenchmark({
  name: "daquar",
  title: "DAQUAR",
  about: "DAQUAR, questions about rooms with answers of a word: a table (.csv) with question, answer and image_id",
  data: { official: csv },
  profiles: { official },
});
