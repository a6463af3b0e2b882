import { randomBytes } from "node:crypto";
import { readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { atEachCall, faults, withFault } from "../../helpers/faulty-fs.ts";
import { type LocalHubFile, startHubAndCache } from "./local-hub.ts";

vi.mock("node:fs/promises", async (original) => {
  const { faultyFs } = await import("../../helpers/faulty-fs.ts");
  return faultyFs(await original());
});
const { pullModel } = await import("../../../adapters/hub/index.ts");
const { VqraeError } = await import("../../../sdk/index.ts");

const REPO = "someone/Tiny-GGUF";
const files: Record<string, LocalHubFile> = {
  "README.md": { content: Buffer.from("# Tiny"), lfs: false },
  "Tiny-F16.gguf": { content: randomBytes(200_000), lfs: true },
  "mmproj-Tiny-F16.gguf": { content: randomBytes(1000), lfs: true },
};

afterEach(() => {
  withFault(null);
  faults.short = false;
});

/** Pulls, with no fault, and compares what came with what the hub has. */
async function pullsWhole(): Promise<void> {
  const pulled = await pullModel(REPO);
  if (!("llm" in pulled)) throw new Error("no GGUF files");
  expect(await readFile(pulled.llm)).toEqual(files["Tiny-F16.gguf"]?.content);
  expect(await readFile(pulled.mmproj)).toEqual(files["mmproj-Tiny-F16.gguf"]?.content);
}

/** After it a lock that was left is stale. */
async function halfAMinuteLater(cache: string): Promise<void> {
  const then = new Date(Date.now() - 31_000);
  const locks = (await readdir(cache, { recursive: true })).filter((name) => name.endsWith(".pull"));
  for (const lock of locks) await utimes(join(cache, lock), then, then);
}

test.each(["ENOSPC", "EIO", "kill"] as const)(
  "a download with %s at any call ends by an error with the path, and the next one brings the whole files",
  async (code) => {
    const calls = await atEachCall(
      code,
      async () => (await startHubAndCache(REPO, files)).cache,
      () => pullModel(REPO),
      async (outcome, cache) => {
        if (outcome !== null) {
          expect(VqraeError.isInstance(outcome) && outcome.code, String(outcome)).toBe("IO_ERROR");
          expect(String(outcome)).toContain(cache);
        }
        await halfAMinuteLater(cache);
        await pullsWhole();
        const blobs = await readdir(join(cache, "models--someone--Tiny-GGUF", "blobs"));
        expect(blobs.filter((name) => name.includes("."))).toEqual([]);
      },
    );
    expect(calls).toBeGreaterThan(8);
  },
  120_000,
);

test("a download whose every write is short brings the whole files", async () => {
  await startHubAndCache(REPO, files);
  faults.short = true;
  await pullsWhole();
});
