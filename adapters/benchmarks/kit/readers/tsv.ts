import { expected, expectedBut, openRegularFile } from "../../../../sdk/kit.ts";
import type { QuestionImage } from "../../benchmark.ts";
import { base64Image } from "./images.ts";
import { pythonList } from "./python-list.ts";
import { reading } from "./reading.ts";
import { Row } from "./row.ts";
import { openTable, type Table, type TableRow, tableRows } from "./table.ts";
import { tableRecords } from "./table-records.ts";

/** A shorter text in the image column is the index of the row that has the image (VLMEvalKit, image_base.py). */
const MAX_INDEX_CHARACTERS = 64;

/** A row, and its images. */
export interface TsvRow {
  readonly row: Row;
  readonly images: readonly QuestionImage[];
}

/**
 * The rows of one of VLMEvalKit's tables, one at a time, as pandas reads them: a column of numbers or of truth values is
 * written as Python writes such values. The file is read twice, since the last row may say what a column is.
 * @throws INVALID_DATA for a column that is missing, a broken row, base64 that is none, an image of no row; IO_ERROR
 */
export async function* tsvRows(path: string, columns: readonly string[]): AsyncGenerator<TsvRow> {
  const table = await openTable(path, { delimiter: "\t", columns, typed: true });
  const places = new Places(table);
  for await (const record of tableRows(table)) {
    places.add(record);
    const row = new Row(record.at, record.fields);
    yield { row, images: await imagesOf(row, table, places) };
  }
}

/** Where the rows lie whose images other rows may refer to, by their index. */
class Places {
  readonly #table: Table;
  readonly #known = new Map<string, TableRow>();
  #complete = false;

  constructor(table: Table) {
    this.#table = table;
  }

  add(row: TableRow): void {
    const { index, image } = row.fields;
    if (index === undefined || !image || isIndex(image)) return;
    // The row without its fields, which hold the image.
    this.#known.set(index, { ...row, fields: {} });
  }

  /** Rows mostly refer to earlier ones. Only for a later one is the whole file read ahead, once. */
  async get(index: string): Promise<TableRow | undefined> {
    if (!this.#known.has(index) && !this.#complete) {
      for await (const row of tableRows(this.#table)) this.add(row);
      this.#complete = true;
    }
    return this.#known.get(index);
  }
}

const isIndex = (image: string): boolean => image !== "" && image.length <= MAX_INDEX_CHARACTERS;

async function imagesOf(row: Row, table: Table, places: Places): Promise<QuestionImage[]> {
  if (!row.has("image")) return [];
  const text = row.text("image");
  if (!isIndex(text)) return decoded(row.at, text);
  const place = await places.get(text);
  if (!place) throw row.wrong("image", "base64 or the index of a row that has an image");
  return [{ at: `row ${text} of ${table.path}`, bytes: () => imageAt(table, place) }];
}

function decoded(at: string, text: string): QuestionImage[] {
  if (!text.startsWith("[")) return [base64Image(at, text)];
  const list = pythonList(text);
  if (!list) throw expected("INVALID_DATA", "base64 or a Python list of it", `the image in ${at}`, text);
  return list.map((one) => base64Image(at, one));
}

/** Reads one row again for its image. */
async function imageAt(table: Table, { start, end, at }: TableRow): Promise<Uint8Array> {
  const { path } = table;
  const bytes = await reading("a tab-separated table", path, async () => {
    const { handle } = await openRegularFile(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  });
  const { value: record } = await tableRecords([bytes], table).next();
  const [image] = decoded(at, record?.fields[table.names.indexOf("image")] ?? "");
  if (!image) throw expectedBut("INVALID_DATA", "an image", at, "an empty list");
  return image.bytes();
}
