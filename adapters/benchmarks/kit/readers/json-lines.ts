import { basename } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { parseJson } from "./parse-json.ts";
import { fileText } from "./reading.ts";
import { Row } from "./row.ts";

/**
 * The rows of a file with one JSON object a line; empty lines are passed over.
 * @throws INVALID_DATA with file and line; IO_ERROR
 */
export async function* jsonLines(path: string): AsyncGenerator<Row> {
  const lines = createInterface({ input: Readable.from(fileText(path)), crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  for await (const text of lines) {
    line++;
    const at = `${basename(path)}, line ${line}`;
    if (text.trim() !== "") yield new Row(at, parseJson(text, at));
  }
}
