import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import {
  type Benchmark,
  compareRuns,
  defineBenchmark,
  findBenchmark,
  runBenchmark,
} from "../../../adapters/benchmarks/index.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { lines, png, writeTree } from "./files.ts";
import { ScriptedModel } from "./scripted-model.ts";
import counting from "./stranger/counting.ts";

/** Questions 1 to 6, whose answer is their number. */
async function data() {
  const folder = await temporaryFolder();
  const questions = [1, 2, 3, 4, 5, 6].map((count) => ({
    id: count,
    question: `How many dots? (${count})`,
    image: "dots.png",
    count,
  }));
  await writeTree(join(folder, "data"), {
    "questions.jsonl": lines(...questions),
    "images/dots.png": await png(5),
  });
  return { data: { path: join(folder, "data") }, out: join(folder, "results") };
}

/** Says the right number up to `limit`, and one more above it. */
const counter = (modelId: string, limit: number) =>
  new ScriptedModel(
    (prompt) => {
      const count = Number(/\((\d+)\)/.exec(prompt)?.[1]);
      return ` ${count <= limit ? count : count + 1}\n`;
    },
    { modelId },
  );

it("a stranger's benchmark runs, is scored as it says, and two of its runs compare", async () => {
  const given = await data();
  const poor = await runBenchmark(counting, { ...given, model: counter("poor", 2) });
  const good = await runBenchmark(counting, { ...given, model: counter("good", 5) });
  expect(good.folder).toContain("counting-exact-good");
  expect(good.scores.headline).toBe("accuracy");
  expect(Object.entries(good.scores.scores).map(([name, { value }]) => [name, Math.round(value)])).toEqual([
    ["accuracy", 83],
    ["size: few", 100],
    ["size: many", 67],
  ]);
  const page = join(given.out, "comparison.html");
  const compared = await compareRuns(poor.folder, good.folder, { benchmark: counting, page });
  expect(compared.difference.difference).toBeCloseTo(50, 9);
  expect(compared.mcNemar).toMatchObject({ onlyFirst: 0, onlySecond: 3 });
  expect(compared.changed.map(({ id }) => id)).toEqual(["3", "4", "5"]);
  expect(await readFile(page, "utf8")).toContain("Counting");
});

it("its other profile, in which a question can be half right", async () => {
  const given = await data();
  const run = (modelId: string, limit: number) =>
    runBenchmark(counting, { ...given, model: counter(modelId, limit), profile: "lenient" });
  const [poor, good] = [await run("poor", 2), await run("good", 5)];
  expect([poor.scores.scores.points?.value, good.scores.scores.points?.value]).toEqual([4, 5.5]);
  const compared = await compareRuns(poor.folder, good.folder, { benchmark: counting });
  expect(compared.mcNemar).toBeNull();
  expect(compared.difference.difference).toBe(1.5);
});

it("runs of a benchmark that is not given, or of another one, do not compare", async () => {
  const given = await data();
  const { folder } = await runBenchmark(counting, { ...given, model: counter("a", 2) });
  await expect(compareRuns(folder, folder)).rejects.toMatchObject({
    code: "INVALID_DATA",
    path: folder,
    message: expect.stringContaining("Give the benchmark if it is your own."),
  });
  const other = await failure(compareRuns(folder, folder, { benchmark: { ...counting, name: "other" } }));
  expect(other.message).toMatch(/a run of other .* "counting, exact"/);
});

it("what is wrong with its definition is said by name, also where it is used", async () => {
  const { exact } = counting.profiles;
  const wrong = (over: object) => failure((async () => defineBenchmark({ ...counting, ...over }))());
  expect((await wrong({ name: "my benchmark" })).message).toMatch(
    /a name of letters.*option "name" of defineBenchmark/,
  );
  expect((await wrong({ data: {} })).message).toMatch(/at least one of the readers tsv, parquet and official/);
  expect((await wrong({ profiles: {} })).message).toMatch(/at least one profile, each with protocol/);
  expect((await wrong({ profiles: { exact: { ...exact, judge: "no" } } })).message).toMatch(/judge and score/);
  expect((await wrong({ groupsize: 2 })).message).toMatch(/groupSize.*but received "groupsize"/);
  const { out, data: files } = await data();
  const bare = { ...counting, title: "" } satisfies Benchmark;
  const run = await failure(runBenchmark(bare, { out, data: files, model: counter("a", 2) }));
  expect([run.code, run.message]).toEqual(["INVALID_ARGUMENT", expect.stringContaining('"title" of runBenchmark')]);
});

it("is found by the path of its module, as a built-in one is by its name", async () => {
  const file = fileURLToPath(new URL("stranger/counting.ts", import.meta.url));
  expect(await findBenchmark(file)).toBe(counting);
  expect((await findBenchmark("pope")).title).toBe("POPE");
  expect((await failure(findBenchmark("imagenet"))).message).toMatch(/one of mme, .*, or the file of your own/);
  expect((await failure(findBenchmark("./none.js"))).message).toMatch(/a module that can be loaded for \.\/none\.js/);
  const empty = join(await temporaryFolder(), "empty.mjs");
  await writeFile(empty, "export const benchmark = 1;");
  expect((await failure(findBenchmark(empty))).message).toMatch(/"name" of .*empty\.mjs but received nothing/);
});

it("a prompt that names an image that is not there, and a score without a figure", async () => {
  const given = await data();
  const { exact } = counting.profiles;
  const run = (over: object) =>
    failure(
      runBenchmark({ ...counting, profiles: { exact: { ...exact, ...over } } }, { ...given, model: counter("a", 2) }),
    );
  expect((await run({ prompt: () => [7] })).message).toMatch(/the number of one of 1 images .* 7/);
  expect((await run({ score: () => ({}) })).message).toMatch(/a figure for the score of a profile/);
});
