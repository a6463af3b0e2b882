import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { png, promptOf, readAll, reds, writeTree } from "../files.ts";

it("the folder of a split: a list of question, answer and image", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "questions.json": JSON.stringify([
      ["what is it?", "circle", 0],
      ["is it red?", "no", 0],
      ["what color is it?", "red", 0],
    ]),
    "images/0.png": await png(1),
  });
  const questions = await readAll("easy-vqa", { path: folder });
  expect(questions.map(({ categories }) => categories.kind)).toEqual(["shape", "yes or no", "colour"]);
  expect(await reds(questions)).toEqual([[1], [1], [1]]);
  expect(promptOf("easy-vqa", "official", questions[0]!)).toBe("what is it?");
});
