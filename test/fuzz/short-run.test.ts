import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

/** The same inputs on every machine, a few seconds of what `run.ts` does as long as you like: fewer where one takes longer. */
const FEWER: Readonly<Record<string, number>> = {
  template: 20,
  "tokenizer.json": 40,
  "OpenAI body": 30,
  "hub listing": 40,
  parquet: 60,
  image: 60,
  webp: 30,
  avif: 80,
};
const inputsOf = (name: string) => FEWER[name] ?? 150;
const root = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-fuzz-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.entries(targets))("changed files of %s", (name, target) => {
  it("are read, or refused by a typed error", async () => {
    const done = (inputs: number) => inputs >= inputsOf(name);
    const { inputs, findings } = await fuzz(target, { root, folder, seed: 20261129, done });
    expect(findings.map(({ what }) => what)).toEqual([]);
    expect(inputs).toBe(inputsOf(name));
  }, 60_000);
});
