import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { base64Png, lines, parquet, png, promptOf, readAll, reds, SHORT, tsv, writeTree } from "./files.ts";

describe("tables of VLMEvalKit", () => {
  it("TextVQA: the answers are a Python list", async () => {
    const folder = await temporaryFolder();
    const row = [34602, "what BRAND is it?", `['nokia', "it's", 'nokia']`, await base64Png(5)];
    await writeTree(folder, { "TextVQA_VAL.tsv": tsv(["index", "question", "answer", "image"], row) });
    const [question] = await readAll("textvqa", { path: folder });
    expect(question!.answers).toEqual(["nokia", "it's", "nokia"]);
    expect(promptOf("textvqa", "lmms-eval", question!)).toBe(`What brand is it?\n${SHORT}`);
    expect(promptOf("textvqa", "vlmevalkit", question!)).toBe(`what BRAND is it?\n${SHORT}`);
  });
});

describe("the authors' own files", () => {
  it("POPE: an object a line, a file a category", async () => {
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

  it("TextVQA: LLaVA's OCR tokens, where they lie beside the questions", async () => {
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
});

describe("parquet files of the hub", () => {
  it.each([
    ["pope", ["random/1", "popular/1", "adversarial/1"], [[0], [1], [2]]],
    ["textvqa", ["34602", "34603", "34604"], [[0], [1], [2]]],
  ])("%s", async (name, ids, images) => {
    const questions = await readAll(name, { path: parquet(name) });
    expect(questions.map(({ id }) => id)).toEqual(ids);
    expect(await reds(questions)).toEqual(images);
  });
});
