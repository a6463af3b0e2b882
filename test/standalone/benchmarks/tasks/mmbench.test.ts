import fc from "fast-check";
import { expect, it } from "vitest";
import { mmbenchLetter } from "../../../../adapters/benchmarks/tasks/mmbench/option.ts";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { base64Png, LETTER, parquet, promptOf, readAll, reds, tsv, writeTree } from "../files.ts";

it("a table: hints, missing options, images by the index of another row", async () => {
  const folder = await temporaryFolder();
  const [first, second] = [await base64Png(7), await base64Png(9)];
  const header = [
    "index",
    "question",
    "hint",
    "A",
    "B",
    "C",
    "D",
    "answer",
    "category",
    "l2-category",
    "image",
    "split",
  ];
  await writeTree(folder, {
    "MMBench_DEV_EN.tsv": tsv(
      header,
      [1_000_241, "Which?", "", "dog", "cat", "None", "", "B", "scene", "coarse", 241, "dev"],
      [241, "Which?", "", "cat", "dog", "", "nan", "A", "scene", "coarse", first, "dev"],
      [300, '"Who ""is"" it?"', "Look.", "he", "she", "it", "they", "C", "who", "fine", second, "dev"],
    ),
  });
  const questions = await readAll("mmbench", { path: folder });
  expect(questions.map(({ id, group, at }) => [id, group, at])).toEqual([
    ["1000241", "241", "MMBench_DEV_EN.tsv, line 2"],
    ["241", "241", "MMBench_DEV_EN.tsv, line 3"],
    ["300", "300", "MMBench_DEV_EN.tsv, line 4"],
  ]);
  expect(await reds(questions)).toEqual([[7], [7], [9]]);
  expect(questions[0]!.options).toEqual([
    { letter: "A", text: "dog" },
    { letter: "B", text: "cat" },
  ]);
  expect(promptOf("mmbench", "vlmevalkit", questions[2]!)).toBe(
    `Look.\nWho "is" it?\nA. he\nB. she\nC. it\nD. they\n${LETTER}`,
  );
  expect(promptOf("mmbench", "lmms-eval", questions[2]!)).toBe(
    `Look. Who "is" it? There are several options:\nA. he\nB. she\nC. it\nD. they\n\n${LETTER}`,
  );
});

it("parquet files of the hub", async () => {
  const questions = await readAll("mmbench", { path: parquet("mmbench") });
  expect(questions.map(({ id }) => id)).toEqual(["241", "1000241", "300"]);
  expect(await reds(questions)).toEqual([[3], [4], [6]]);
});

it('parquet: lmms-eval takes "nan" alone for a missing option, where pandas would take "None" of a table too', async () => {
  const [question] = await readAll("mmbench", { path: `${parquet("mmbench")}-none` });
  expect(question!.options.map(({ text }) => text)).toEqual([
    "Banana",
    "All of the above",
    "New York naïve café",
    "None",
  ]);
});

/** Values that the harness's own function gave; test/golden/benchmarks/mmbench has more of them. */
it.each([
  ["B", "B"],
  ["(B)", "B"],
  ["The answer is B.", "B"],
  ["A cat sits here now", null],
  ["B. rabbit", "B"],
  ["A or B", null],
  ["C)", "C"],
  [": D", "D"],
])("lmms-eval's letter: %j is %j", (answer, letter) => expect(mmbenchLetter(answer)).toBe(letter));

it("whatever a model says, the parser ends", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (answer) => {
      expect(["A", "B", "C", "D", "E", "Z", null]).toContain(mmbenchLetter(answer));
    }),
  );
});
