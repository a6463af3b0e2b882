import { mkdtemp, rm, truncate } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLanguageModel } from "../../../adapters/llama-cpp/index.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-threads-"));
  ({ path: file } = await writeTinyLlm(join(folder, "llm.gguf"), "qwen3"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function threadsOf(options: { threads?: number } = {}): Promise<number> {
  await using llm = await openLanguageModel(file, { gpu: false, contextSize: 64, ...options });
  return llm.context.idealThreads;
}

test("a small language model gets one thread, unless more are asked for", async () => {
  expect(await threadsOf()).toBe(1);
  expect(await threadsOf({ threads: 2 })).toBe(2);
});

test("a language model gets a thread for each 64 MiB, at most the cores", async () => {
  await truncate(file, 64 * 2 ** 20 + 1);
  await using llm = await openLanguageModel(file, { gpu: false, contextSize: 64 });
  expect(llm.context.idealThreads).toBe(Math.min(llm.llama.cpuMathCores, availableParallelism(), 2));
});
