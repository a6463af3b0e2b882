import { basename } from "node:path";
import { expectedBut } from "../../../../sdk/kit.ts";

/** A row of several images in base64; MMMU's largest has 30 MB. */
const MAX_ROW_BYTES = 256 * 1024 * 1024;

/** One line of a table, or several where a quoted field holds line ends. */
export interface TableRecord {
  readonly fields: readonly string[];
  /** Where it lies in the file, in bytes. */
  readonly start: number;
  readonly end: number;
  /** The number of its first line, from 1. */
  readonly line: number;
}

export interface TableFormat {
  /** For messages. */
  readonly path: string;
  /** One character. */
  readonly delimiter: string;
}

type State = "record" | "field" | "plain" | "quoted" | "quote";

const NEW_LINE = "\n";
const RETURN = "\r";
const QUOTE = '"';
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf);

/**
 * The records of a table as pandas' C parser splits them (pandas/_libs/src/parser/tokenizer.c): any mix of line ends, blank
 * lines left out, and a quote that ends before its field does is dropped.
 * @throws INVALID_DATA for a quote that is never closed, bytes that are no UTF-8, a record of more than 256 MiB
 */
export async function* tableRecords(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { path, delimiter }: TableFormat,
): AsyncGenerator<TableRecord> {
  const plainEnd = new RegExp(`[${delimiter}\\n\\r]`, "g");
  let state: State = "record";
  let fields: string[] = [];
  let parts: string[] = [];
  let wasQuoted = false;
  let skipsNewLine = false;
  let line = 1;
  let [offset, start, startLine] = [0, 0, 1];
  let isFirst = true;

  const refuse = (what: string) => {
    const subject = `${basename(path)}, line ${startLine}`;
    return expectedBut("INVALID_DATA", "a table", subject, what, { path });
  };
  const endField = () => {
    fields.push(utf8(untilNul(parts.join("")), refuse));
    parts = [];
    state = "field";
  };
  /** The record that ends before byte `end`; null for a blank line. */
  const endRecord = (end: number): TableRecord | null => {
    endField();
    const record = { fields, start, end, line: startLine };
    const blank = !wasQuoted && fields.length === 1 && /^[ \t]*$/.test(fields[0] ?? "");
    state = "record";
    fields = [];
    wasQuoted = false;
    return blank ? null : record;
  };

  for await (const chunk of fromThirdByte(chunks)) {
    // A character a byte: positions in it are positions in the file.
    const text = chunk.toString("latin1");
    let i: number =
      isFirst && chunk.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    isFirst = false;
    while (i < text.length) {
      if (state === "record") {
        if (skipsNewLine && text[i] === NEW_LINE) i++;
        skipsNewLine = false;
        if (i === text.length) break;
        [start, startLine, state] = [offset + i, line, "field"];
      }
      if (offset + i - start > MAX_ROW_BYTES) throw refuse(`one of more than ${MAX_ROW_BYTES} bytes`);
      const character = text[i];
      if (state === "quoted") {
        const end = text.indexOf(QUOTE, i);
        const part = text.slice(i, end < 0 ? undefined : end);
        line += countLines(part);
        parts.push(part);
        if (end >= 0) state = "quote";
        i += part.length + (end < 0 ? 0 : 1);
      } else if (state === "field" && character === QUOTE) {
        [state, wasQuoted] = ["quoted", true];
        i++;
      } else if (state === "quote" && character === QUOTE) {
        parts.push(QUOTE);
        state = "quoted";
        i++;
      } else {
        plainEnd.lastIndex = i;
        const end = plainEnd.exec(text)?.index ?? text.length;
        parts.push(text.slice(i, end));
        state = "plain";
        i = end + 1;
        if (end === text.length) break;
        if (text[end] === delimiter) endField();
        else {
          line++;
          skipsNewLine = text[end] === RETURN;
          const record = endRecord(offset + i);
          if (record) yield record;
        }
      }
    }
    offset += text.length;
  }
  if (state === "quoted") throw refuse("a quote that is never closed");
  if (state !== "record") {
    const record = endRecord(offset);
    if (record) yield record;
  }
}

/** The chunks as buffers, the first of which is long enough to hold a byte order mark. */
async function* fromThirdByte(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0);
  let isLong = false;
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (isLong) yield buffer;
    else {
      held = Buffer.concat([held, buffer]);
      isLong = held.length >= BYTE_ORDER_MARK.length;
      if (isLong) yield held;
    }
  }
  if (!isLong) yield held;
}

/** The parser hands on texts of C, which end at their first NUL. */
function untilNul(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

function countLines(part: string): number {
  let count = 0;
  for (let i = part.indexOf(NEW_LINE); i >= 0; i = part.indexOf(NEW_LINE, i + 1)) count++;
  return count;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param bytes a character a byte */
function utf8(bytes: string, refuse: (what: string) => Error): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  try {
    return decoder.decode(Buffer.from(bytes, "latin1"));
  } catch {
    throw refuse("bytes that are no UTF-8");
  }
}
