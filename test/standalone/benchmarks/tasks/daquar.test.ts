import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { judge, png, promptOf, readAll, reds, writeTree } from "../files.ts";

it("a table of question, answer and image", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "data.csv":
      'question,answer,image_id\nhow many chairs are there,6,image8\nwhat color is the bed,white,image8\nwhat is on the desk,"cup, lamp",image9\n',
    "images/image8.png": await png(1),
    "images/image9.jpg": await png(2),
  });
  const questions = await readAll("daquar", { path: join(folder, "data.csv") });
  expect(questions.map(({ answers, categories }) => [answers[0], categories.kind])).toEqual([
    ["6", "number"],
    ["white", "colour"],
    ["cup, lamp", "object"],
  ]);
  expect(await reds(questions)).toEqual([[1], [1], [2]]);
  expect(promptOf("daquar", "official", questions[0]!)).toBe("how many chairs are there?");
});

it.each([
  ["garbage_bin", "Garbage bin.", 1],
  ["cup, lamp", "lamp,cup", 1],
  ["cup, lamp", "lamp", 0],
  ["6", "6", 1],
  ["6", "six", 0],
])("%j is answered by %j: %i", (answer, said, score) => {
  const question = {
    id: "1",
    at: "",
    text: "",
    images: [],
    options: [],
    categories: {},
    answers: [answer] as [string],
  };
  expect(judge("daquar", "official", question, said).score).toBe(score);
});
