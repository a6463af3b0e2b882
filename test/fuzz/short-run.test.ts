import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";
import { targets } from "./targets.ts";

/** A few seconds of what `run.ts` does as long as you like. */
const MILLISECONDS = 1500;
const root = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vqrae-fuzz-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(Object.entries(targets))("changed files of %s", (_, target) => {
  it("are read, or refused by a typed error", async () => {
    const { inputs, findings } = await fuzz(target, { root, folder, seed: 20261129, milliseconds: MILLISECONDS });
    expect(findings.map(({ what }) => what)).toEqual([]);
    expect(inputs).toBeGreaterThan(0);
  }, 60_000);
});
