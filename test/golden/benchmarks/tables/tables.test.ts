import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isMissing } from "../../../../adapters/benchmarks/kit/readers/missing-values.ts";
import { openTable, tableRows } from "../../../../adapters/benchmarks/kit/readers/table.ts";
import { tableRecords } from "../../../../adapters/benchmarks/kit/readers/table-records.ts";
import { temporaryFolder } from "../../../standalone/checkpoint/temporary.ts";

interface Golden {
  readonly pandas: string;
  readonly tables: readonly {
    readonly text: string;
    readonly rows: readonly Record<string, string | null>[] | "error";
  }[];
}

const { pandas, tables }: Golden = JSON.parse(await readFile(new URL("tables.json", import.meta.url), "utf8"));
async function read(folder: string, text: string): Promise<Record<string, string | null>[] | "error"> {
  const path = join(folder, "table.tsv");
  await writeFile(path, text);
  try {
    const rows: Record<string, string | null>[] = [];
    for await (const { fields } of tableRows(await openTable(path, { delimiter: "\t", columns: [], typed: true }))) {
      rows.push(
        Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, isMissing(value) ? null : value])),
      );
    }
    return rows;
  } catch {
    return "error";
  }
}

test(`${tables.length} tables are read as pandas ${pandas} reads them`, async () => {
  const folder = await temporaryFolder();
  for (const { text, rows } of tables) expect({ text, rows: await read(folder, text) }).toEqual({ text, rows });
});

test("records are the same wherever the file's pieces end", async () => {
  for (const { text } of tables) {
    const bytes = Buffer.from(text);
    const all = await recordsOf([bytes]);
    expect(await recordsOf([...bytes].map((byte) => Buffer.of(byte)))).toEqual(all);
  }
});

async function recordsOf(pieces: readonly Buffer[]) {
  const records = [];
  try {
    for await (const record of tableRecords(pieces, { path: "t.tsv", delimiter: "\t" })) records.push(record);
  } catch (error) {
    return String(error);
  }
  return records;
}
