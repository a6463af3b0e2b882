import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mmmuChoice, mmmuChoiceLmmsEval } from "../../../../adapters/benchmarks/tasks/mmmu/choice.ts";
import { interleaved } from "../../../../adapters/benchmarks/tasks/mmmu/interleaved.ts";
import { mmmuOpenIsRight, mmmuOpenValues } from "../../../../adapters/benchmarks/tasks/mmmu/open-answer.ts";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import {
  base64Png,
  judge,
  LETTER,
  options,
  parquet,
  promptOf,
  readAll,
  reds,
  SHORT,
  tsv,
  writeTree,
} from "../files.ts";

it("a table: several images in a list, open questions, the dev split left out", async () => {
  const folder = await temporaryFolder();
  const image = `['${await base64Png(1)}', '${await base64Png(2)}']`;
  const header = ["index", "id", "split", "question", "A", "B", "answer", "image"];
  await writeTree(folder, {
    "MMMU_DEV_VAL.tsv": tsv(
      header,
      [1, "dev_Art_1", "dev", "q", "x", "y", "A", await base64Png(3)],
      [2, "validation_Art_1", "validation", "<image 1> or <image 2>?", "x", "y", "B", image],
      [3, "validation_Math_1", "validation", "How much?", "", "", "['7', '8']", await base64Png(4)],
    ),
  });
  const questions = await readAll("mmmu", { path: join(folder, "MMMU_DEV_VAL.tsv") });
  expect(questions.map(({ answers, categories }) => [answers, categories.category])).toEqual([
    [["B"], "Art"],
    [["7", "8"], "Math"],
  ]);
  expect(await reds(questions)).toEqual([[1, 2], [4]]);
  const [choice, open] = questions;
  const text = `<image 1> or <image 2>?\nA. x\nB. y\n${LETTER}`;
  expect(promptOf("mmmu", "vlmevalkit", choice!)).toEqual(["Image-1: ", 0, "\n", "Image-2: ", 1, "\n", text]);
  expect(promptOf("mmmu", "vlmevalkit", open!)).toBe("How much?\nAnswer the question directly.");
  expect(promptOf("mmmu", "lmms-eval", open!)).toBe(`How much?\n\n${SHORT}`);
  expect(promptOf("mmmu", "official", choice!)).toBe(`<image 1> or <image 2>?\n(A) x\n(B) y\n\n${LETTER}`);
});

it("a table in VLMEvalKit: a row whose A is missing is open, and an answer of one letter is that letter", async () => {
  const folder = await temporaryFolder();
  const header = ["index", "id", "split", "question", "A", "B", "C", "answer", "image"];
  const image = await base64Png(1);
  await writeTree(folder, {
    "MMMU_DEV_VAL.tsv": tsv(
      header,
      [1, "validation_Math_1", "validation", "q", "", "", "", "7 apples", image],
      [2, "validation_Math_2", "validation", "q", "", "", "", "B", image],
      [3, "validation_Math_3", "validation", "q", "None", "two", "three", "C", image],
      [4, "validation_Math_4", "validation", "q", "one", "two", "three", "C", image],
    ),
  });
  const [words, letter, none, choice] = await readAll("mmmu", { path: join(folder, "MMMU_DEV_VAL.tsv") });
  const score = (question: typeof words, answer: string) => judge("mmmu", "vlmevalkit", question!, answer).score;
  expect([score(words, "A"), score(words, "7 apples"), score(words, "Other Answers")]).toEqual([1, 1, 0]);
  // A and B are the answer's text and "Other Answers", and B is right as it is written.
  expect([score(letter, "A"), score(letter, "B")]).toEqual([0, 1]);
  expect([score(none, "three"), score(none, "Other Answers"), score(none, "A")]).toEqual([1, 0, 0]);
  expect([score(choice, "C"), score(choice, "A")]).toEqual([1, 0]);
});

it("parquet files of the hub: options as Python writes them, several answers", async () => {
  const questions = await readAll("mmmu", { path: parquet("mmmu") });
  expect(questions.map(({ id }) => id)).toEqual(["validation_Accounting_1", "validation_Accounting_2"]);
  expect(await reds(questions)).toEqual([[1], [3, 4]]);
  const [choice, open] = questions;
  expect(choice!.options.map(({ text }) => text)).toEqual(["$6", "$7", "$8's", "$9"]);
  expect(open!.answers).toEqual(["24/7", "3.429"]);
  expect(open!.writtenAnswer).toBe("['24/7', '3.429']");
});

/** Values of `mmmu_doc_to_messages`; test/golden/benchmarks/mmmu has more of them. */
it.each([
  ["<image 1> or <image 2>?", 2, [0, "or", 1, "?"]],
  ["What is <image 2> beside <image 1> ?", 2, ["What is", 0, "beside", 1, "?"]],
  ["Twice: <image 1> and <image 1>.", 1, ["Twice:", 0, "."]],
  ["Where?", 2, [0, 1, "Where?"]],
  ["<image> and <image 8>", 1, [0, "and <image 8>"]],
  ["Which?\nA. <image 1>\nB. <image 2>\n\nAnswer.", 2, ["Which?\nA.", 0, "B.", 1, "Answer."]],
])("a chat model of lmms-eval gets the images of %j where it names them", (text, images, parts) =>
  expect(interleaved(text, images)).toEqual(parts),
);

/** Values that the harnesses' own functions gave; test/golden/benchmarks/mmmu has more of them. */
describe("golden values", () => {
  const colours = options("red", "dark blue", "green", "none of these");

  it.each([
    ["B", "B"],
    ["B.", "B"],
    ["(C)", "C"],
    ["The answer is C", "C"],
    ["Either A or D , so D it is", "D"],
    ["I think that the colour looks dark blue to me", "B"],
    ["(A) or (B)", "B"],
    ["Answer: A", "A"],
  ])("choice: %j is %j", (answer, letter) => expect(mmmuChoice(answer, colours)).toBe(letter));

  it.each([
    ["The answer is 1,234.5", ["1234.5", "1234", "234.5"]],
    ["x = 3", ["3"]],
    ["So the result is 7.", ["7"]],
    ["12", ["12"]],
    ["Total is 5. Therefore final is 6", ["6"]],
  ])("open answer: the numbers of %j are %j", (answer, numbers) => {
    const found = mmmuOpenValues(answer).filter((value) => typeof value === "number");
    expect(new Set(found.map(String))).toEqual(new Set(numbers));
  });

  it("lmms-eval finds an A in DNA", () => {
    expect(mmmuChoiceLmmsEval("DNA test", colours)).toBe("A");
    expect(mmmuChoice("DNA test", colours)).toBeNull();
  });

  it("an open answer is right by a part of its text or by its number", () => {
    expect(mmmuOpenIsRight(mmmuOpenValues("so it is dark red"), ["red"])).toBe(true);
    expect(mmmuOpenIsRight(mmmuOpenValues("about 2.675"), ["2.67"])).toBe(true);
    expect(mmmuOpenIsRight(mmmuOpenValues("exact"), ["x"])).toBe(false);
  });

  it("whatever a model says, both parsers end", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (answer) => {
        expect(["A", "B", "C", "D", null]).toContain(mmmuChoice(answer, colours));
        expect(mmmuOpenValues(answer).length).toBeGreaterThan(0);
      }),
    );
  });
});
