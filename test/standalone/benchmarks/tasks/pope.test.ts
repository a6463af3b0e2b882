import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { firstSentenceYesNo } from "../../../../adapters/benchmarks/tasks/pope/first-sentence.ts";
import { popeOfficial } from "../../../../adapters/benchmarks/tasks/pope/score.ts";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { base64Png, judge, judged, lines, parquet, png, promptOf, readAll, reds, tsv, writeTree } from "../files.ts";

it("the authors' files: an object a line, a file a category", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "coco_pope_random.json": lines({ question_id: 1, image: "a.jpg", text: "Is there a cat?", label: "yes" }),
    "coco_pope_popular.json": lines({ question_id: 1, image: "a.jpg", text: "Is there a dog?", label: "no" }),
    "pictures/a.jpg": await png(3),
  });
  const questions = await readAll("pope", { path: folder, images: join(folder, "pictures") });
  expect(questions.map(({ id, answers }) => [id, ...answers])).toEqual([
    ["popular/1", "no"],
    ["random/1", "yes"],
  ]);
  expect(await reds(questions)).toEqual([[3], [3]]);
  expect(promptOf("pope", "vlmevalkit", questions[1]!)).toBe("Is there a cat?");
});

it.each(["Maybe", "", "yes.", "y"])("a table whose answer is %j is refused by its line", async (answer) => {
  const picture = await base64Png(1);
  const rows = ["Yes", answer].map((one, i) => [i, "Is there a cat?", one, "random", picture]);
  const folder = await writeTree(await temporaryFolder(), {
    "POPE.tsv": tsv(["index", "question", "answer", "category", "image"], ...rows),
  });
  await expect(readAll("pope", { path: folder })).rejects.toThrow(/answer in POPE\.tsv, line 3/);
});

it("answers in either case, with outer space, as lmms-eval takes them", async () => {
  const picture = await base64Png(1);
  const rows = ["YES", " no "].map((one, i) => [i, "Is there a cat?", one, "random", picture]);
  const folder = await writeTree(await temporaryFolder(), {
    "POPE.tsv": tsv(["index", "question", "answer", "category", "image"], ...rows),
  });
  const questions = await readAll("pope", { path: folder });
  expect(questions.map(({ answers }) => answers)).toEqual([["YES"], ["no"]]);
  expect(judge("pope", "lmms-eval", questions[0]!, "Yes").score).toBe(1);
});

it("parquet files of the hub", async () => {
  const questions = await readAll("pope", { path: parquet("pope") });
  expect(questions.map(({ id }) => id)).toEqual(["random/1", "popular/1", "adversarial/1"]);
  expect(await reds(questions)).toEqual([[0], [1], [2]]);
});

/** Values that evaluate.py gave; test/golden/benchmarks/pope has more of them. */
it.each([
  ["Yes", "yes"],
  ["No, there is not.", "no"],
  ["NO", "yes"],
  ["There is no dog. Yes.", "no"],
  ["no\n", "yes"],
  ["I do not know", "no"],
  ["Nope", "yes"],
])("the authors' parser: %j is %j", (answer, expected) => expect(firstSentenceYesNo(answer)).toBe(expected));

it("whatever a model says, the parser ends", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (answer) => {
      expect(["yes", "no"]).toContain(firstSentenceYesNo(answer));
    }),
  );
});

it("rates of nothing are 0, not NaN", () => {
  const metrics = popeOfficial([[judged(0, { parsed: "no", categories: { category: "random" } })]]);
  expect(metrics).toMatchObject({ "F1: random": 0, "precision: random": 0, "recall: random": 0 });
});
