import { join } from "node:path";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { benchmark, judge, png, promptOf, readAll, reds, writeTree } from "../files.ts";

const PROMPT = "Provide a one-sentence caption for the provided image.";

it("a table of image and caption, several of an image", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "val.tsv": "b.jpg\tA dog .\na.jpg\tTwo cats .\nb.jpg\tA big dog .\n",
    "images/a.jpg": await png(1),
    "images/b.jpg": await png(2),
  });
  const questions = await readAll("flickr8k", { path: join(folder, "val.tsv") });
  expect(questions.map(({ id, answers }) => [id, answers])).toEqual([
    ["b.jpg", ["A dog .", "A big dog ."]],
    ["a.jpg", ["Two cats ."]],
  ]);
  expect(await reds(questions)).toEqual([[2], [1]]);
  expect(promptOf("flickr8k", "official", questions[0]!)).toBe(PROMPT);
});

it("the authors' files: a split's images, and the captions of all", async () => {
  const folder = await writeTree(await temporaryFolder(), {
    "Flickr8k.token.txt": "a.jpg#0\tOne .\na.jpg#1\tUn .\nb.jpg#0\tTwo .\n",
    "Flickr_8k.testImages.txt": "b.jpg\n",
    "Flickr_8k.devImages.txt": "a.jpg\n",
    "Flicker8k_Dataset/a.jpg": await png(1),
    "Flicker8k_Dataset/b.jpg": await png(2),
  });
  const test = await readAll("flickr8k", { path: folder });
  const dev = await readAll("flickr8k", { path: join(folder, "Flickr_8k.devImages.txt") });
  expect([test, dev].map((all) => all.map(({ answers }) => answers))).toEqual([[["Two ."]], [["One .", "Un ."]]]);
  expect(await reds(test)).toEqual([[2]]);
});

it("a line without a caption, and an image without captions, are named", async () => {
  const folder = await writeTree(await temporaryFolder(), { "val.tsv": "a.jpg\tA dog .\nb.jpg\n" });
  await expect(readAll("flickr8k", { path: folder })).rejects.toThrow("val.tsv, line 2");
  const authors = await writeTree(await temporaryFolder(), {
    "Flickr8k.token.txt": "a.jpg#0\tOne .\n",
    "Flickr_8k.testImages.txt": "b.jpg\n",
  });
  await expect(readAll("flickr8k", { path: authors })).rejects.toThrow("captions of b.jpg");
});

it("an equal caption is worth 1, and one that a person would call another nothing", () => {
  const question = { id: "1", at: "", text: "", images: [], options: [], categories: {} };
  const answers = ["A brown dog runs on the wet sand .", "A dog runs ."] as const;
  expect(judge("flickr8k", "official", { ...question, answers }, "a brown dog runs on the wet sand")).toEqual({
    parsed: "a brown dog runs on the wet sand",
    score: expect.closeTo(1, 6),
  });
  expect(judge("flickr8k", "official", { ...question, answers }, "Two cats sleep.").score).toBeLessThan(1e-3);
  expect(benchmark("flickr8k").profiles.official?.maxTokens).toBe(64);
});
