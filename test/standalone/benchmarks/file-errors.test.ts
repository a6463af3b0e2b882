import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  compareRuns,
  readDetections,
  readDpgItems,
  runBenchmark,
  runDpgBench,
  runGenEval,
  vlmJudge,
  writeGenEvalFolders,
} from "../../../adapters/benchmarks/index.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";
import { base64Png, benchmark, png, tsv, writeTree } from "./files.ts";
import { ScriptedModel } from "./scripted-model.ts";

const model = new ScriptedModel(() => "yes");

async function easy() {
  const folder = await temporaryFolder();
  const data = await writeTree(join(folder, "data"), {
    "questions.json": JSON.stringify([["is it?", "yes", 0]]),
    "images/0.png": await png(1),
  });
  const run = (over: object = {}) =>
    runBenchmark(benchmark("easy-vqa"), { model, data: { path: data }, out: join(folder, "out"), ...over });
  return { folder, data, run };
}

it("a folder of results that cannot be made, and a log that cannot be written", async () => {
  const { folder, run } = await easy();
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(run({ out: file })).rejects.toMatchObject({
    code: "IO_ERROR",
    path: join(file, "easy-vqa-official-scripted"),
  });
  const results = join(folder, "out", "easy-vqa-official-scripted");
  const log = join(results, "predictions.jsonl");
  await mkdir(log, { recursive: true });
  await expect(run()).rejects.toMatchObject({ code: "IO_ERROR", path: log });
  await rm(results, { recursive: true });
  await mkdir(join(results, "scores.json"), { recursive: true });
  await expect(run()).rejects.toMatchObject({ code: "IO_ERROR", path: join(results, "scores.json") });
});

it("a page of a comparison that cannot be written", async () => {
  const { folder, run } = await easy();
  const first = await run();
  const page = join(folder, "none", "page.html");
  await expect(compareRuns(first.folder, first.folder, { page })).rejects.toMatchObject({
    code: "IO_ERROR",
    path: page,
  });
});

it("an image that the system refuses to read stops the run; it does not count as wrong", async () => {
  const { data, run } = await easy();
  const image = join(data, "images/0.png");
  await rm(image);
  await mkdir(image);
  await expect(run()).rejects.toMatchObject({ code: "IO_ERROR", path: image });
  await rm(image, { recursive: true });
  await expect(run()).rejects.toMatchObject({ code: "INVALID_DATA", message: expect.stringMatching(/nothing there/) });
});

it("data that the system refuses to read, also in the middle of a stream", async () => {
  const folder = await temporaryFolder();
  const table = join(folder, "POPE.tsv");
  await mkdir(table);
  const run = () => runBenchmark(benchmark("pope"), { model, data: { path: folder }, out: join(folder, "out") });
  await expect(run()).rejects.toMatchObject({ code: "IO_ERROR", path: table });
  await rm(table, { recursive: true });
  const header = ["index", "question", "answer", "category", "image"];
  await writeFile(table, tsv(header, [1, "Is it?", "Yes", "random", await base64Png(1)]));
  expect((await run()).scores.questions).toBe(1);
});

it("files of detections and questions that are not there, or are folders", async () => {
  const folder = await temporaryFolder();
  for (const read of [readDetections, readDpgItems]) {
    await expect(read(join(folder, "none"))).rejects.toMatchObject({
      code: "INVALID_DATA",
      path: join(folder, "none"),
    });
    await expect(read(folder)).rejects.toMatchObject({ code: "IO_ERROR", path: folder });
  }
  await writeFile(join(folder, "00000"), "");
  const prompt = { at: "x", tag: "x", prompt: "x", include: [], exclude: [], metadata: {} };
  await expect(writeGenEvalFolders([prompt], folder)).rejects.toMatchObject({
    code: "IO_ERROR",
    path: join(folder, "00000"),
  });
});

it("options that are wrong are said by name", async () => {
  const { run } = await easy();
  const judge = { name: "x", ask: async () => ({ answer: "no" as const, text: "" }) };
  const said = (promise: Promise<unknown>) =>
    promise.catch(({ code, message }: Error & { code: string }) => [code, message]);
  const invalid = (message: RegExp) => ["INVALID_ARGUMENT", expect.stringMatching(message)];
  expect(await said(run({ model: {} }))).toEqual(invalid(/a vision language model.*"model" of runBenchmark/));
  expect(await said(run({ data: "here" }))).toEqual(invalid(/"data" of runBenchmark but received "here"/));
  expect(await said(run({ onModelError: "ignore" }))).toEqual(invalid(/one of "stop", "count"/));
  expect(await said(run({ retries: 3 }))).toEqual(invalid(/one of model, data.*but received "retries"/));
  const page = { page: 5 } as object;
  expect(await said(compareRuns("a", "b", page))).toEqual(invalid(/"page" of compareRuns but received 5/));
  const progress = { onProgress: "yes" } as object;
  expect(await said(runGenEval("a", { judge }, progress))).toEqual(invalid(/a function.*"onProgress" of runGenEval/));
  const five = { resolution: 8, pics: 5 };
  expect(await said(runDpgBench("a", new Map(), { judge }, five))).toEqual(
    invalid(/from 1 to 4.*"pics" of runDpgBench/),
  );
  expect(() => vlmJudge(model, { signal: 1 } as object)).toThrow(/an AbortSignal.*vlmJudge/);
});
