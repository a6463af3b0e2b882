import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { lines, parquet, png, promptOf, readAll, reds, writeTree } from "./files.ts";

describe("tables of VLMEvalKit", () => {});

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
});

describe("parquet files of the hub", () => {
  it.each([["pope", ["random/1", "popular/1", "adversarial/1"], [[0], [1], [2]]]])("%s", async (name, ids, images) => {
    const questions = await readAll(name, { path: parquet(name) });
    expect(questions.map(({ id }) => id)).toEqual(ids);
    expect(await reds(questions)).toEqual(images);
  });
});
