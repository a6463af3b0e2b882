import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { languageModelFile } from "../../../adapters/llama-cpp/index.ts";
import { modelBytes } from "../../../adapters/llama-cpp/source/model-parts.ts";

let folder: string;
const part = (number: number) => join(folder, `m-0000${number}-of-00003.gguf`);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-split-"));
  for (const number of [1, 3]) await writeFile(part(number), "GGUF");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a split model without one of its parts is an error that names the part", async () => {
  await expect(languageModelFile(part(1))).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND", path: part(2) });
});

test("another part than the first is an error that names the first", async () => {
  await expect(languageModelFile(part(3))).rejects.toThrow(part(1));
});

test("with all parts it is the first one's path", async () => {
  await writeFile(part(2), "GGUF");
  expect(await languageModelFile(part(1))).toBe(part(1));
  expect(await modelBytes(part(1))).toBe(12);
});
