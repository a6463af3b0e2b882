import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  dpgGrid,
  gridCrops,
  readDpgAnswers,
  readDpgItems,
  runDpgBench,
  scoreItem,
  summarizeDpg,
} from "../../../adapters/benchmarks/index.ts";
import { encodePng } from "../../../sdk/index.ts";
import { pattern } from "../../golden/image/fixtures.ts";
import { inFolder } from "../cli/run-cli.ts";

const HEADER =
  "item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_natural_language";
const row = (id: string, question: number, parents: string, category = "entity - whole") =>
  `${id},"a prompt, with a comma",,${question},"${parents}",e,w,${category} (thing),Is there ${question}?`;
const TABLE = [row("dropped", 1, "0"), row("a", 1, "0"), row("a", 2, "1", "attribute - color"), row("a", 3, "2, 1")];

const withTable = (rows: readonly string[], use: (path: string, folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    const path = join(folder, "dpg_bench.csv");
    await writeFile(path, `${[HEADER, ...rows].join("\n")}\n`);
    await use(path, folder);
  });
const answers = (...yes: number[]) => new Map([1, 2, 3].map((id) => [id, yes.includes(id)]));

test("the reference's reader drops the first row; categories are the tuple's beginning", () =>
  withTable(TABLE, async (path) => {
    const items = await readDpgItems(path);
    expect([...items.keys()]).toEqual(["a"]);
    expect(items.get("a")!.questions.map(({ id, parents, category, at }) => [id, parents, category, at])).toEqual([
      [1, [], "entity - whole", "dpg_bench.csv, line 3"],
      [2, [1], "attribute - color", "dpg_bench.csv, line 4"],
      [3, [2, 1], "entity - whole", "dpg_bench.csv, line 5"],
    ]);
    expect([...(await readDpgItems(path, { skipFirstRow: false })).keys()]).toEqual(["dropped", "a"]);
  }));

test("a no takes its children along; categories take the last crop as it was answered", () =>
  withTable(TABLE, async (path) => {
    const item = (await readDpgItems(path)).get("a")!;
    const score = scoreItem(item, [answers(1, 2, 3), answers(2, 3)]);
    expect(score.crops).toEqual([1, 0]);
    expect(score.score).toBe(0.5);
    expect(summarizeDpg([score])).toEqual({
      items: 1,
      score: 50,
      level1: { attribute: 100, entity: 50 },
      level2: { "attribute - color": 100, "entity - whole": 50 },
    });
    expect(() => scoreItem(item, [new Map([[1, true]])])).toThrow("an answer to question 2 for crop 0 of a");
  }));

test("a grid of four comes apart again", () => {
  const images = [3, 5, 7, 11].map((seed) => {
    const image = pattern("noise", 6, 6);
    return { ...image, data: image.data.map((value) => (value + seed) % 256) };
  });
  expect(gridCrops(dpgGrid(images), 6, 4)).toEqual(images);
  expect(() => dpgGrid(images.slice(1))).toThrow("four images for a grid of DPG-Bench but received 3");
  expect(() => gridCrops(dpgGrid(images), 7, 2)).toThrow("at least 14 x 7 pixels");
});

test("a folder of grids, with answers and with a judge", () =>
  withTable(TABLE, async (path, folder) => {
    const items = await readDpgItems(path);
    const pictures = join(folder, "grids");
    await mkdir(pictures);
    await writeFile(join(pictures, "a.png"), await encodePng(pattern("mixed", 12, 12)));
    await writeFile(join(pictures, "stranger.png"), "x");
    const lines = [0, 1, 2, 3].flatMap((crop) =>
      [1, 2, 3].map((question) => ({
        item_id: "a",
        crop,
        proposition_id: question,
        answer: question === 2 && crop === 0 ? "Yes" : "yes",
      })),
    );
    const file = join(folder, "answers.jsonl");
    await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const options = { resolution: 6, pics: 4 };
    const given = await runDpgBench(pictures, items, { answers: await readDpgAnswers(file) }, options);
    expect(given.items).toEqual([{ filename: "a.png", crops: [1 / 3, 1, 1, 1], score: expect.closeTo(5 / 6, 12) }]);
    expect(given.failed).toEqual([{ filename: "stranger.png", message: "no item stranger in the table" }]);
    expect(given.comparable).toBe(true);
    const judge = { name: "no", ask: async () => ({ answer: "no" as const, text: "no" }) };
    const judged = await runDpgBench(pictures, items, { judge }, options);
    expect([judged.summary.score, judged.comparable]).toEqual([0, false]);
    expect(judged.evaluator).toContain("not comparable");
    await writeFile(file, `${JSON.stringify(lines[0])}\n${JSON.stringify(lines[0])}\n`);
    await expect(readDpgAnswers(file)).rejects.toThrow(/each answer once for answers\.jsonl, line 2/);
  }));

describe("bad tables name file and line", () => {
  test.each([
    [[TABLE[0]!, row("a", 1, "none")], /dependency in dpg_bench\.csv, line 3 but received "none"/],
    [[TABLE[0]!, row("a", 1, "0"), row("a", 1, "0")], /proposition_id of an item once for dpg_bench\.csv, line 4/],
    [[TABLE[0]!, row("a", 1, "0"), row("b", 1, "0"), row("a", 2, "0")], /all rows of an item together .* line 5/],
    [[TABLE[0]!, "a,b"], /text for dependency in dpg_bench\.csv, line 3/],
    [[], /at least one question/],
  ])("%j", (rows, message) =>
    withTable(rows, async (path) => {
      await expect(readDpgItems(path)).rejects.toThrow(message);
    }),
  );

  test("a column that is missing", () =>
    inFolder(async (folder) => {
      const path = join(folder, "t.csv");
      await writeFile(path, "item_id,text\na,b\n");
      await expect(readDpgItems(path)).rejects.toThrow(
        /columns item_id, text, .* for t\.csv, line 1 .*proposition_id, dependency, tuple, question_natural_language missing/,
      );
    }));

  test("a parent that the reference's reader dropped fails its item, and is named", () =>
    withTable([row("a", 1, "0"), row("a", 2, "1")], async (path) => {
      const item = (await readDpgItems(path)).get("a")!;
      expect(() => scoreItem(item, [answers(2)])).toThrow(/a question 1, the parent of 2, for dpg_bench\.csv, line 3/);
    }));
});
