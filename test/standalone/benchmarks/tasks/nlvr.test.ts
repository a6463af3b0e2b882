import { expect, it } from "vitest";
import { temporaryFolder } from "../../checkpoint/temporary.ts";
import { lines, png, readAll, reds, writeTree } from "../files.ts";

const ORDERS = [0, 1, 2, 3, 4, 5];

it("the authors' files: six images a sentence, by directory", async () => {
  const images = await Promise.all(ORDERS.map(async (i) => [`images/2/dev-3-0-${i}.png`, await png(i)] as const));
  const folder = await writeTree(await temporaryFolder(), {
    "dev.json": lines({ sentence: "There is a tower.", label: "true", identifier: "3-0", directory: "2" }),
    ...Object.fromEntries(images),
  });
  const questions = await readAll("nlvr", { path: folder });
  expect(questions.map(({ id }) => id)).toEqual(ORDERS.map((i) => `dev-3-0-${i}`));
  expect(await reds(questions)).toEqual([[0], [1], [2], [3], [4], [5]]);
});

it("hidden.json has no directory, and some sentences' images lie in two", async () => {
  const place = (i: number) => `images/${i < 4 ? 3 : 4}/hidden-7-1-${i}.png`;
  const images = await Promise.all(ORDERS.map(async (i) => [place(i), await png(i)] as const));
  const folder = await writeTree(await temporaryFolder(), {
    "hidden.json": lines({ sentence: "There is a tower.", label: "false", identifier: "7-1" }),
    ...Object.fromEntries(images),
  });
  expect(await reds(await readAll("nlvr", { path: folder }))).toEqual([[0], [1], [2], [3], [4], [5]]);
});
