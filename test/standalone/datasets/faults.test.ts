import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { atEachCall, withFault } from "../../helpers/faulty-fs.ts";
import { mockOptions, newFolder, pictures, shardBytes, tarOf } from "./dataset.ts";

vi.mock("node:fs/promises", async (original) => {
  const { faultyFs } = await import("../../helpers/faulty-fs.ts");
  return faultyFs(await original());
});
const { runShards, tarFile, tokenizeShard } = await import("../../../adapters/datasets/index.ts");

afterEach(() => withFault(null));

const FILES = [".parquet", ".ids.tar", ".ids.npy"];
const options = () => mockOptions({ tar: true, npy: true });
const filesOf = (output: string) => Promise.all(FILES.map((ending) => shardBytes(output, "a", ending)));

describe.each(["ENOSPC", "EIO", "kill"] as const)("%s at each call that writes", (code) => {
  it("leaves a shard that is done or missing, and the next run makes the same bytes", async () => {
    const folder = await newFolder();
    const tar = tarFile(
      await tarOf(folder, "a", [...(await pictures(5)), { path: "bad.png", bytes: Buffer.from("bad") }]),
    );
    const calm = join(folder, "calm");
    await tokenizeShard(tar, calm, options());
    const expected = await filesOf(calm);
    const output = { folder: "", made: 0, failures: 0 };
    await atEachCall(
      code,
      () => {
        output.folder = join(folder, `${code}-${output.made++}`);
        return output.folder;
      },
      () => tokenizeShard(tar, output.folder, options()),
      async (outcome) => {
        if (outcome !== null) {
          output.failures++;
          expect(outcome).toMatchObject({ code: "IO_ERROR" });
          if (code === "ENOSPC") expect(String(outcome)).toMatch(/disk is full|ENOSPC/);
        }
        const { state } = await tokenizeShard(tar, output.folder, options());
        if (outcome === null) expect(state).toBe("done");
        expect(await filesOf(output.folder)).toEqual(expected);
      },
    );
    expect(output.failures).toBeGreaterThan(10);
  }, 120_000);
});

it("a full disk stops the run, and names itself", async () => {
  const folder = await newFolder();
  const shards = [];
  for (const name of ["a", "b", "c"]) shards.push(tarFile(await tarOf(folder, name, await pictures(3))));
  const output = join(folder, "tokens");
  await runShards(shards.slice(0, 1), output, options());
  withFault({ folder: join(output, "shards"), at: 1, code: "ENOSPC" });
  await expect(runShards(shards, output, options())).rejects.toMatchObject({ code: "IO_ERROR" });
  withFault(null);
  expect(await runShards(shards, output, options())).toMatchObject({ failed: [] });
  expect((await readdir(join(output, "shards"))).filter((name) => name.endsWith(".json")).length).toBe(3);
});

it("an output that cannot be written is told before anything is encoded", async () => {
  const folder = await newFolder();
  const tar = tarFile(await tarOf(folder, "a", await pictures(2)));
  await writeFile(join(folder, "file"), "no folder");
  const { encoder, model } = mockOptions();
  await expect(tokenizeShard(tar, join(folder, "file"), { encoder, model })).rejects.toMatchObject({
    code: "IO_ERROR",
  });
});
