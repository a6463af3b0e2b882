import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { LETTER, parquet, png, promptOf, readAll, reds, writeTree } from "../files.ts";

it("the authors' file: questions and names of their types in one, videos left out", async () => {
  const question = (question_id: number, data_type: string) => ({
    question_id,
    question: "How many?",
    choice_a: "1",
    choice_b: "2",
    choice_c: "3",
    choice_d: "4",
    answer: "C",
    data_type,
    question_type_id: 5,
    data_id: "1_2",
  });
  const folder = await writeTree(await temporaryFolder(), {
    "SEED-Bench.json": JSON.stringify({
      questions: [question(1, "image"), question(2, "video")],
      question_type: { "Instances Counting": 5 },
    }),
    "SEED-Bench-image/1_2": await png(6),
  });
  const questions = await readAll("seedbench", { path: folder });
  expect(questions.map(({ id, answers, categories }) => [id, ...answers, categories.category])).toEqual([
    ["1", "C", "Instances Counting"],
  ]);
  expect(await reds(questions)).toEqual([[6]]);
  expect(promptOf("seedbench", "official", questions[0]!)).toBe(`How many?\nA. 1\nB. 2\nC. 3\nD. 4\n${LETTER}`);
});

it("parquet files of the hub, videos left out", async () => {
  const questions = await readAll("seedbench", { path: parquet("seedbench") });
  expect(questions.map(({ id }) => id)).toEqual(["0", "2"]);
  expect(await reds(questions)).toEqual([[0], [2]]);
});
