import { basename } from "node:path";
import { expectedBut, regularFileChunks } from "../../../../sdk/kit.ts";
import { ColumnType } from "./column-types.ts";
import { cannotRead } from "./reading.ts";
import { type TableFormat, type TableRecord, tableRecords } from "./table-records.ts";

/** A table of text whose header has been read, and what its columns are. */
export interface Table extends TableFormat {
  /** Of the columns, in order, as pandas names them. */
  readonly names: readonly string[];
  /** Of the columns; null for a table whose values stay the texts that they are. */
  readonly types: readonly ColumnType[] | null;
}

export interface OpenTableOptions {
  /** One character. */
  readonly delimiter: string;
  /** The columns that it must have. */
  readonly columns: readonly string[];
  /** Whether values are written as Python writes a column's numbers and truth values. */
  readonly typed: boolean;
}

export interface TableRow extends Pick<TableRecord, "start" | "end"> {
  /** File and line, such as "MME.tsv, line 12". */
  readonly at: string;
  /** By the columns' names. What a short row lacks is "". */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Reads a table once, for its header and its columns' types.
 * @throws INVALID_DATA for a missing column, a row that is longer than the header, and as `tableRecords`; IO_ERROR
 */
export async function openTable(path: string, { delimiter, columns, typed }: OpenTableOptions): Promise<Table> {
  const format = { path, delimiter };
  let names: readonly string[] | undefined;
  const types: ColumnType[] = [];
  for await (const record of recordsOf(format)) {
    if (names === undefined) {
      names = uniqueNames(record.fields);
      requireColumns(record, names, columns, path);
      types.push(...names.map(() => new ColumnType()));
    } else {
      if (record.fields.length > names.length) {
        throw refuse(record, path, `${names.length} fields`, `${record.fields.length}`);
      }
      if (!typed) continue;
      for (const [i, type] of types.entries()) type.add(record.fields[i] ?? "");
    }
  }
  if (names === undefined) throw expectedBut("INVALID_DATA", "a table", path, "an empty file", { path });
  return { ...format, names, types: typed ? types : null };
}

/** The rows of a table, without its header. @throws as `openTable` */
export async function* tableRows(table: Table): AsyncGenerator<TableRow> {
  const { names, types, path } = table;
  let isHeader = true;
  for await (const { fields, start, end, line } of recordsOf(table)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const written = names.map((name, i) => {
      const text = fields[i] ?? "";
      return [name, types?.[i]?.write(text) ?? text] as const;
    });
    yield { at: `${basename(path)}, line ${line}`, fields: Object.fromEntries(written), start, end };
  }
}

async function* recordsOf(format: TableFormat): AsyncGenerator<TableRecord> {
  try {
    yield* tableRecords(regularFileChunks(format.path), format);
  } catch (cause) {
    throw cannotRead("a table", format.path, cause);
  }
}

/** As pandas names columns that have no name, or one that another has too. */
function uniqueNames(header: readonly string[]): string[] {
  const given = header.map((name, i) => (name === "" ? `Unnamed: ${i}` : name));
  const taken = new Set(given);
  const counts = new Map<string, number>();
  const unique = (name: string): string => {
    let count = counts.get(name) ?? 0;
    let found = name;
    if (count > 0) {
      while (taken.has(found)) {
        found = `${name}.${count}`;
        count++;
      }
      taken.add(found);
    } else count = 1;
    counts.set(name, count);
    return found;
  };
  // A name that the header has comes before the same one of a column without a name.
  const named = given.map((name, i) => (header[i] === "" ? null : unique(name)));
  return given.map((name, i) => named[i] ?? unique(name));
}

function requireColumns(header: TableRecord, names: readonly string[], columns: readonly string[], path: string): void {
  const missing = columns.filter((name) => !names.includes(name));
  if (missing.length === 0) return;
  const received = `${names.slice(0, 30).join(", ")}: ${missing.join(", ")} missing`;
  throw refuse(header, path, `the columns ${columns.join(", ")}`, received);
}

const refuse = ({ line }: TableRecord, path: string, wanted: string, received: string) =>
  expectedBut("INVALID_DATA", wanted, `${basename(path)}, line ${line}`, received, { path });
