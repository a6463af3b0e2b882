import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { parse as parseSync } from "csv-parse/sync";
import { expected, expectedBut } from "../../../../sdk/kit.ts";
import type { QuestionImage } from "../../benchmark.ts";
import { base64Image } from "./images.ts";
import { pythonList } from "./python-list.ts";
import { cannotRead, reading } from "./reading.ts";
import { Row } from "./row.ts";

/** A row of several images in base64; MMMU's largest has 30 MB. */
const MAX_ROW_CHARACTERS = 256 * 1024 * 1024;
/** A shorter text in the image column is the index of the row that has the image (VLMEvalKit, image_base.py). */
const MAX_INDEX_CHARACTERS = 64;

const FORMAT = { delimiter: "\t", relax_quotes: true, max_record_size: MAX_ROW_CHARACTERS } as const;

interface ParsedRow {
  readonly record: readonly string[];
  readonly info: { readonly bytes: number; readonly lines: number };
}

/** A row, and its images. */
export interface TsvRow {
  readonly row: Row;
  readonly images: readonly QuestionImage[];
}

/**
 * The rows of one of VLMEvalKit's tables, one at a time.
 * @throws INVALID_DATA for a column that is missing, a broken row, base64 that is none, an image of no row; IO_ERROR
 */
export async function* tsvRows(path: string, columns: readonly string[]): AsyncGenerator<TsvRow> {
  const places = new Places(path, columns);
  for await (const record of records(path, columns)) {
    places.add(record);
    const row = new Row(record.at, record.fields);
    yield { row, images: await imagesOf(row, path, places) };
  }
}

interface TsvRecord {
  readonly at: string;
  readonly fields: Readonly<Record<string, string>>;
  /** Where it lies in the file, in bytes. */
  readonly start: number;
  readonly end: number;
}

async function* records(path: string, columns: readonly string[]): AsyncGenerator<TsvRecord> {
  const file = basename(path);
  const parser = parse({ ...FORMAT, bom: true, info: true });
  // An error of the file ends the parser, and comes out of the loop.
  pipeline(createReadStream(path), parser, () => {});
  let names: readonly string[] | undefined;
  let [start, line] = [0, 1];
  try {
    for await (const parsed of parser) {
      const { record, info }: ParsedRow = parsed;
      if (names) {
        const fields = Object.fromEntries(names.map((name, i) => [name, record[i] ?? ""]));
        yield { at: `${file}, line ${line}`, fields, start, end: info.bytes };
      } else {
        names = record;
        requireColumns(file, names, columns);
      }
      [start, line] = [info.bytes, info.lines + 1];
    }
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cannotRead("a tab-separated table", path, cause);
    const at = `${file}, line ${cause.lines}`;
    throw expectedBut("INVALID_DATA", "a tab-separated table", at, cause.message, { path, cause });
  }
  if (!names) throw expectedBut("INVALID_DATA", "a tab-separated table", path, "an empty file");
}

function requireColumns(file: string, header: readonly string[], columns: readonly string[]): void {
  const missing = columns.filter((name) => !header.includes(name));
  if (missing.length === 0) return;
  const received = `${header.slice(0, 30).join(", ")}: ${missing.join(", ")} missing`;
  throw expectedBut("INVALID_DATA", `the columns ${columns.join(", ")}`, `${file}, line 1`, received);
}

/** Where a row lies in the file, in bytes, and the number of its image column. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly column: number;
}

/** Where the rows lie whose images other rows may refer to, by their index. */
class Places {
  readonly #path: string;
  readonly #columns: readonly string[];
  readonly #known = new Map<string, Place>();
  #complete = false;

  constructor(path: string, columns: readonly string[]) {
    this.#path = path;
    this.#columns = columns;
  }

  add({ fields, start, end }: TsvRecord): void {
    const { index, image } = fields;
    if (index === undefined || !image || isIndex(image)) return;
    this.#known.set(index, { start, end, column: Object.keys(fields).indexOf("image") });
  }

  /** Rows mostly refer to earlier ones; only for a later one is the whole file read ahead, once. */
  async get(index: string): Promise<Place | undefined> {
    if (!this.#known.has(index) && !this.#complete) {
      for await (const record of records(this.#path, this.#columns)) this.add(record);
      this.#complete = true;
    }
    return this.#known.get(index);
  }
}

const isIndex = (image: string): boolean => image !== "" && image.length <= MAX_INDEX_CHARACTERS;

async function imagesOf(row: Row, path: string, places: Places): Promise<QuestionImage[]> {
  if (!row.has("image")) return [];
  const text = row.text("image");
  if (!isIndex(text)) return decoded(row.at, text);
  const place = await places.get(text);
  if (!place) throw row.wrong("image", "base64 or the index of a row that has an image");
  return [{ at: `row ${text} of ${path}`, bytes: () => imageAt(path, place) }];
}

function decoded(at: string, text: string): QuestionImage[] {
  if (!text.startsWith("[")) return [base64Image(at, text)];
  const list = pythonList(text);
  if (!list) throw expected("INVALID_DATA", "base64 or a Python list of it", `the image in ${at}`, text);
  return list.map((one) => base64Image(at, one));
}

/** Reads one row again for its image. */
async function imageAt(path: string, { start, end, column }: Place): Promise<Uint8Array> {
  const bytes = await reading("a tab-separated table", path, async () => {
    const file = await open(path);
    try {
      return (await file.read(Buffer.alloc(end - start), 0, end - start, start)).buffer;
    } finally {
      await file.close();
    }
  });
  const at = `${basename(path)} at byte ${start}`;
  const [row] = parseSync(bytes, { ...FORMAT, to: 1, relax_column_count: true });
  const [image] = decoded(at, row?.[column] ?? "");
  if (!image) throw expectedBut("INVALID_DATA", "an image", at, "an empty list");
  return image.bytes();
}
