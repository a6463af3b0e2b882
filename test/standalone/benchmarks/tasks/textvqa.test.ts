import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { base64Png, lines, parquet, png, promptOf, readAll, reds, SHORT, tsv, writeTree } from "../files.ts";

it("a table: the answers are a Python list", async () => {
  const folder = await temporaryFolder();
  const row = [34602, "what BRAND is it?", `['nokia', "it's", 'nokia']`, await base64Png(5)];
  await writeTree(folder, { "TextVQA_VAL.tsv": tsv(["index", "question", "answer", "image"], row) });
  const [question] = await readAll("textvqa", { path: folder });
  expect(question!.answers).toEqual(["nokia", "it's", "nokia"]);
  expect(promptOf("textvqa", "lmms-eval", question!)).toBe(`What brand is it?\n${SHORT}`);
  expect(promptOf("textvqa", "vlmevalkit", question!)).toBe(`what BRAND is it?\n${SHORT}`);
});

it("the authors' file: LLaVA's OCR tokens, if they lie beside the questions", async () => {
  const data = [{ question_id: 1, image_id: "ab", question: "what brand?", answers: Array(10).fill("nokia") }];
  const folder = await writeTree(await temporaryFolder(), {
    "TextVQA_0.5.1_val.json": JSON.stringify({ dataset_type: "val", data }),
    "llava_textvqa_val_v051_ocr.jsonl": lines({
      question_id: "ab",
      image: "ab.jpg",
      text: `What brand?\nReference OCR token: NOKIA, 3310\n${SHORT}`,
    }),
    "train_images/ab.jpg": await png(2),
  });
  const [question] = await readAll("textvqa", { path: folder });
  expect(promptOf("textvqa", "official", question!)).toBe(`what brand?\nReference OCR token: NOKIA, 3310\n${SHORT}`);
  expect(() => promptOf("textvqa", "official", { ...question!, ocrTokens: undefined })).toThrow(/OCR tokens/);
});

it("parquet files of the hub", async () => {
  const questions = await readAll("textvqa", { path: parquet("textvqa") });
  expect(questions.map(({ id }) => id)).toEqual(["34602", "34603", "34604"]);
  expect(await reds(questions)).toEqual([[0], [1], [2]]);
});
