import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { parquetFiles } from "../../../adapters/benchmarks/kit/index.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { parquet, readAll, writeTree } from "./files.ts";

const tree = async (...names: readonly string[]) =>
  writeTree(await temporaryFolder(), Object.fromEntries(names.map((name) => [name, ""])));

describe("the parquet files of a clone with several splits", () => {
  it.each([
    [
      ["data/train-00000-of-00020.parquet", "data/validation-00000-of-00003.parquet"],
      ["data/validation-00000-of-00003.parquet"],
    ],
    [
      ["validation-00001-of-00002.parquet", "validation-00000-of-00002.parquet", "test-0.parquet"],
      ["validation-00000-of-00002.parquet", "validation-00001-of-00002.parquet"],
    ],
    [
      ["default/train/0000.parquet", "default/validation/0000.parquet", "default/validation/0001.parquet"],
      ["default/validation/0000.parquet", "default/validation/0001.parquet"],
    ],
    [["a/train-00000-of-00001-0123456789abcdef.parquet"], ["a/train-00000-of-00001-0123456789abcdef.parquet"]],
    [["textvqa.parquet"], ["textvqa.parquet"]],
    [
      ["questions-0.parquet", "questions-1.parquet"],
      ["questions-0.parquet", "questions-1.parquet"],
    ],
  ])("of %j the split is %j", async (names, files) => {
    const folder = await tree(...names);
    const found = await parquetFiles(folder, { split: "validation" });
    expect(found.map((file) => relative(folder, file))).toEqual(files);
  });

  it("without the split that is meant, files to give are named", async () => {
    const folder = await tree("data/train-0.parquet", "data/test-0.parquet");
    const { message } = await failure(parquetFiles(folder, { split: "validation" }));
    expect(message).toContain(join(folder, "data/train-0.parquet"));
    expect(message).toMatch(/split validation.*Give the path/);
  });

  it("of several folders the one to give is named", async () => {
    const folder = await tree("en/dev-0.parquet", "cn/dev-0.parquet", "en/test-0.parquet");
    const { message } = await failure(parquetFiles(folder, { split: "dev" }));
    expect(message).toContain(`several: ${join(folder, "cn")}, ${join(folder, "en")}. Give the path`);
    expect(await parquetFiles(join(folder, "en"), { split: "dev" })).toEqual([join(folder, "en/dev-0.parquet")]);
    expect((await parquetFiles(folder, { split: "dev", folders: true })).length).toBe(2);
  });
});

/** The hub's layout of each benchmark, made of its one small file: those that are scored, and others. */
it.each([
  ["pope", "data", ["data/test-00000-of-00003.parquet"], ["Full/random-00000-of-00001.parquet"]],
  [
    "mmbench",
    "en",
    ["en/dev-00000-of-00001.parquet"],
    ["en/test-00000-of-00001.parquet", "cn/dev-00000-of-00001.parquet"],
  ],
  ["textvqa", ".", ["data/validation-00000-of-00003.parquet"], ["data/train-00000-of-00020.parquet"]],
  ["mme", ".", ["data/test-00000-of-00004.parquet"], ["data/train-00000-of-00004.parquet"]],
  ["seedbench", ".", ["data/test-00000-of-00072.parquet"], ["data/train-00000-of-00001.parquet"]],
  ["ai2d", ".", ["data/test-00000-of-00001.parquet"], ["data/train-00000-of-00001.parquet"]],
])(
  "a clone of %s: what %s holds is scored once, and the whole is so too or names the folder",
  async (name, given, scored, others) => {
    const [file] = await parquetFiles(parquet(name));
    const clone = await temporaryFolder();
    for (const path of [...scored, ...others]) {
      await mkdir(dirname(join(clone, path)), { recursive: true });
      await copyFile(file ?? "", join(clone, path));
    }
    const alone = (await readAll(name, { path: file ?? "" })).map(({ id }) => id);
    expect((await readAll(name, { path: join(clone, given) })).map(({ id }) => id)).toEqual(alone);
    if (given === ".") return;
    expect((await failure(readAll(name, { path: clone }))).message).toContain(join(clone, given));
  },
);

it("a folder of several tables names them", async () => {
  const folder = await tree("POPE.tsv", "MME.tsv");
  for (const name of ["mme", "gqa", "pope", "mmbench", "seedbench", "mmmu", "textvqa", "ai2d"]) {
    const { message } = await failure(readAll(name, { path: folder }));
    expect(message).toContain(`several: ${join(folder, "MME.tsv")}, ${join(folder, "POPE.tsv")}. Give the path`);
  }
});

it.each([
  ["daquar", "data_eval.csv", "data_train.csv"],
  ["flickr8k", "test.tsv", "train.tsv"],
])("a folder of several splits of %s names them", async (name, one, other) => {
  const folder = await tree(one, other);
  const { code, message } = await failure(readAll(name, { path: folder }));
  expect(code).toBe("INVALID_DATA");
  expect(message).toContain(`several: ${join(folder, one)}, ${join(folder, other)}. Give the path`);
});
