import { join } from "node:path";
import { expect, test } from "vitest";
import { tsvRows } from "../../../adapters/benchmarks/index.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { tsv, writeTree } from "./files.ts";

const base64 = (text: string) => Buffer.from(text.repeat(60)).toString("base64");

/** What the second row's image begins with. It refers to the first row's. */
async function referred(header: readonly string[], row: readonly string[]): Promise<string> {
  const second = header.map((name, i) => ({ index: "2", image: "1" })[name] ?? row[i] ?? "");
  const folder = await writeTree(await temporaryFolder(), { "t.tsv": tsv(header, row, second) });
  let begins = "";
  for await (const { images } of tsvRows(join(folder, "t.tsv"), ["index", "image"])) {
    const bytes = await images[0]?.bytes();
    begins = Buffer.from(bytes ?? [])
      .toString()
      .slice(0, 5);
  }
  return begins;
}

test.each([
  [
    ["index", "image", "0"],
    ["1", base64("IMAGE"), base64("OTHER")],
  ],
  [
    ["7", "index", "image"],
    [base64("OTHER"), "1", base64("IMAGE")],
  ],
  [
    ["index", "x", "x", "image"],
    ["1", base64("OTHER"), base64("OTHER"), base64("IMAGE")],
  ],
])("columns %j: an image is that of its own column", async (header, row) => {
  expect(await referred(header, row)).toBe("IMAGE");
});

test("an unreadable file and bytes that are no UTF-8 are errors with the path", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "t.tsv": Buffer.concat([Buffer.from("index\timage\n1\t"), Buffer.of(0xff, 0x0a)]),
  });
  const path = join(folder, "t.tsv");
  await expect(tsvRows(path, ["index", "image"]).next()).rejects.toMatchObject({ code: "INVALID_DATA", path });
  await expect(tsvRows(folder, []).next()).rejects.toMatchObject({ code: "IO_ERROR", path: folder });
});
