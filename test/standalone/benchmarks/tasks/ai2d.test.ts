import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { LETTER, parquet, png, promptOf, readAll, reds, writeTree } from "../files.ts";

it("the authors' folder: a file an image, of the test split's images", async () => {
  const sheet = (imageName: string) =>
    JSON.stringify({
      imageName,
      questions: {
        "What is A?": { abcLabel: true, answerTexts: ["ear", "eye"], correctAnswer: 1, questionId: `${imageName}-0` },
      },
    });
  const folder = await writeTree(await temporaryFolder(), {
    "questions/0.png.json": sheet("0.png"),
    "questions/1.png.json": sheet("1.png"),
    "images/1.png": await png(4),
    "ai2d_test_ids.csv": "1\n",
  });
  const questions = await readAll("ai2d", { path: folder });
  expect(questions.map(({ id, answers }) => [id, ...answers])).toEqual([["1.png-0", "B"]]);
  expect(await reds(questions)).toEqual([[4]]);
  expect(promptOf("ai2d", "lmms-eval", questions[0]!)).toBe(`What is A?\nA. ear\nB. eye\n${LETTER}`);
  const elsewhere = { path: folder, images: join(folder, "images") };
  expect(await reds(await readAll("ai2d", elsewhere))).toEqual([[4]]);
});

it("parquet files of the hub: the answer is an option's number", async () => {
  const questions = await readAll("ai2d", { path: parquet("ai2d") });
  expect(questions.map(({ id, answers }) => [id, ...answers])).toEqual([
    ["1", "A"],
    ["2", "B"],
    ["3", "C"],
  ]);
  expect(await reds(questions)).toEqual([[0], [1], [2]]);
});
