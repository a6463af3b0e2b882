import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { catalogue } from "../../adapters/hub/index.ts";
import { familyTable, page, withTable } from "../../scripts/family-table.ts";

test("the table of families says what the code and the goldens say; `node scripts/family-table.ts` writes it", async () => {
  const text = await readFile(page, "utf8");
  expect(text).toBe(withTable(text, await familyTable()));
});

test("each family of the catalogue is in the table", async () => {
  const table = await familyTable();
  const missing = catalogue.filter(({ family }) => !table.includes(family));
  expect(missing).toEqual([]);
});
