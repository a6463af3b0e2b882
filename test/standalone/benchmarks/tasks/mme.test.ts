import { expect, it } from "vitest";
import type { Group } from "../../../../adapters/benchmarks/index.ts";
import { mmeScore } from "../../../../adapters/benchmarks/tasks/mme/score.ts";
import { mmeOfficialYesNo, mmeYesNo } from "../../../../adapters/benchmarks/tasks/mme/yes-no.ts";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { judged, parquet, png, promptOf, readAll, reds, SHORT, writeTree } from "../files.ts";

it("the authors' folder: a folder a subtask, in both of its layouts", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "color/1.txt": "Is it red? Please answer yes or no.\tYes\nIs it blue? Please answer yes or no.\tNo\n",
    "color/1.jpg": await png(1),
    "OCR/questions_answers_YN/2.txt": "Is it a?\tYes\r\nIs it b?\tNo",
    "OCR/images/2.png": await png(2),
  });
  const questions = await readAll("mme", { path: folder });
  expect(questions.map(({ group, answers }) => [group, ...answers])).toEqual([
    ["color/1", "Yes"],
    ["color/1", "No"],
    ["OCR/2", "Yes"],
    ["OCR/2", "No"],
  ]);
  expect(await reds(questions)).toEqual([[1], [1], [2], [2]]);
  expect(promptOf("mme", "lmms-eval", questions[0]!)).toBe(`Is it red?\n${SHORT}`);
  expect(promptOf("mme", "vlmevalkit", questions[0]!)).toBe(`Is it red? Please answer yes or no. ${SHORT}`);
});

it("parquet files of the hub: two rows an image", async () => {
  const questions = await readAll("mme", { path: parquet("mme") });
  expect(questions.map(({ id }) => id)).toEqual([
    "color/color/0.png#1",
    "color/color/0.png#2",
    "color/color/1.png#1",
    "color/color/1.png#2",
  ]);
  expect(await reds(questions)).toEqual([[0], [1], [2], [3]]);
});

it("yes and no: dots, one letter, the first four characters", () => {
  expect(["Y", "n.", "Yes.", "oh no", "know", "it is yes"].map(mmeYesNo)).toEqual([
    "yes",
    "no",
    "yes",
    "other",
    "no",
    "other",
  ]);
  expect(["Y", "yes"].map(mmeOfficialYesNo)).toEqual(["other", "yes"]);
});

it("points: accuracy and pairs, a subtask and all", () => {
  const image = (category: string, first: number, second: number): Group => [
    judged(first, { categories: { category } }),
    judged(second, { categories: { category } }),
  ];
  const metrics = mmeScore([
    image("color", 1, 1),
    image("color", 1, 0),
    image("OCR", 0, 0),
    image("code_reasoning", 1, 1),
  ]);
  expect(metrics).toEqual({
    "perception (points)": 125,
    "cognition (points)": 200,
    "color (points)": 125,
    "OCR (points)": 0,
    "code_reasoning (points)": 200,
  });
});
