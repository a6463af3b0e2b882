import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { parquet, png, promptOf, readAll, reds, SHORT, writeTree } from "../files.ts";

it("the authors' file: an object of questions, those that are balanced", async () => {
  const question = (over: object) => ({
    question: 'What { is " it?',
    answer: "cat",
    imageId: "n1",
    isBalanced: true,
    types: { structural: "query" },
    ...over,
  });
  const folder = await writeTree(await temporaryFolder(), {
    "testdev_balanced_questions.json": JSON.stringify(
      {
        "201": question({}),
        "202": question({ isBalanced: false }),
        "203": question({ types: { structural: "verify" } }),
      },
      null,
      1,
    ),
    "images/n1.jpg": await png(8),
  });
  const questions = await readAll("gqa", { path: folder });
  expect(questions.map(({ id, categories, text }) => [id, categories.type, text])).toEqual([
    ["201", "open", 'What { is " it?'],
    ["203", "binary", 'What { is " it?'],
  ]);
  expect(questions[0]!.at).toBe("testdev_balanced_questions.json, line 2");
  expect(await reds(questions)).toEqual([[8], [8]]);
  expect(promptOf("gqa", "lmms-eval", questions[0]!)).toBe(`What { is " it?\n${SHORT}`);
});

it("parquet files of the hub: images once, found by their id", async () => {
  const questions = await readAll("gqa", { path: parquet("gqa") });
  expect(questions.map(({ id }) => id)).toEqual(["20", "21"]);
  expect(await reds(questions)).toEqual([[2], [0]]);
});
