import * as z from "zod";
import { expected, expectedBut, option, parseOptions } from "../../../../sdk/kit.ts";
import { Row } from "../../kit/index.ts";
import { openTable, tableRows } from "../../kit/readers/table.ts";

/** A question of one image, answerable with yes or no. */
export interface DpgQuestion {
  /** File and line. */
  readonly at: string;
  readonly id: number;
  readonly text: string;
  /** Questions without which this one makes no sense. */
  readonly parents: readonly number[];
  /** Such as "attribute - color": the text of the csv's tuple before its bracket. */
  readonly category: string;
}

/** A prompt and its questions, in the file's order. */
export interface DpgItem {
  readonly id: string;
  readonly prompt: string;
  readonly questions: readonly DpgQuestion[];
}

export interface DpgQuestionsOptions {
  /** The reference's reader drops the first row of the table. Default true, as its published numbers have it. */
  readonly skipFirstRow?: boolean | undefined;
}

const schema = z.strictObject({ skipFirstRow: option.flag });

const COLUMNS = ["item_id", "text", "proposition_id", "dependency", "tuple", "question_natural_language"] as const;

/**
 * The items of dpg_bench.csv. Rows of an item stand together. The reference keeps only the last of several blocks; here
 * several are an error. Equals `prepare_dpg_data` of TencentQQGYLab/ELLA, dpg_bench/compute_dpg_bench.py.
 * @throws INVALID_DATA with file and line; INVALID_ARGUMENT; IO_ERROR
 */
export async function readDpgItems(path: string, options: DpgQuestionsOptions = {}): Promise<Map<string, DpgItem>> {
  const { skipFirstRow = true } = parseOptions(schema, options, "readDpgItems");
  const items = new Map<string, DpgItem & { questions: DpgQuestion[] }>();
  let skipped = !skipFirstRow;
  let current: string | null = null;
  const table = await openTable(path, { delimiter: ",", columns: COLUMNS, typed: false });
  for await (const { at, fields } of tableRows(table)) {
    const row = new Row(at, fields);
    const id = row.id("item_id");
    const question = questionOf(row);
    if (!skipped) {
      skipped = true;
      continue;
    }
    if (id !== current && items.has(id)) {
      throw expected("INVALID_DATA", "all rows of an item together", `item_id in ${row.at}`, id);
    }
    const item = items.get(id) ?? { id, prompt: row.text("text"), questions: [] };
    if (item.questions.some((other) => other.id === question.id)) {
      throw expected("INVALID_DATA", "each proposition_id of an item once", row.at, question.id);
    }
    item.questions.push(question);
    items.set(id, item);
    current = id;
  }
  if (items.size === 0) throw expectedBut("INVALID_DATA", "at least one question", path, "none");
  return items;
}

function questionOf(row: Row): DpgQuestion {
  const parents = row
    .text("dependency")
    .split(",")
    .map((text) => text.trim());
  if (!parents.every((text) => /^\d+$/.test(text))) throw row.wrong("dependency", "numbers of questions, 0 for none");
  return {
    at: row.at,
    id: row.integer("proposition_id"),
    text: row.text("question_natural_language"),
    parents: parents.map(Number).filter((parent) => parent !== 0),
    category: row.text("tuple").replace(/\(.*/s, "").trim(),
  };
}
