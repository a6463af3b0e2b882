import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  findShards,
  findSlice,
  readManifest,
  readStatus,
  runShards,
  takeSlice,
} from "../../../adapters/datasets/index.ts";
import { mockTokenizer } from "../../../sdk/testing/index.ts";
import { mockOptions, newFolder, pictures, shardBytes, tarOf } from "./dataset.ts";

async function threeTars(): Promise<{ folder: string; out: string; paths: string[] }> {
  const folder = await newFolder();
  const paths: string[] = [];
  for (const i of [0, 1, 2]) paths.push(await tarOf(folder, `train-${i}`, await pictures(12, 100 * i)));
  return { folder, out: join(folder, "tokens"), paths };
}

describe("a run over shards", () => {
  it("writes them all, merges the manifest, and writes nothing the second time", async () => {
    const { out, paths } = await threeTars();
    const shards = await findShards(paths);
    const first = await runShards(shards, out, mockOptions());
    expect(first).toMatchObject({ written: 3, skipped: 0, images: 36, errors: 0, failed: [] });
    const manifest = await readManifest(out);
    expect(manifest?.merged).toMatchObject({ complete: true, images: 36, errors: 0 });
    expect(manifest?.merged?.shards.map(({ name }) => name)).toEqual(["train-0", "train-1", "train-2"]);
    expect(await runShards(shards, out, mockOptions())).toMatchObject({ written: 0, skipped: 3, images: 0 });
    expect(await readManifest(out)).toEqual(manifest);
    expect(await readStatus(out)).toMatchObject({ shards: 3, done: 3, running: 0, dead: [], images: 36 });
  });

  it("has the same bytes in any order, with any number of shards at once, and in slices", async () => {
    const { folder, out, paths } = await threeTars();
    const shards = await findShards(paths);
    await runShards(shards, out, mockOptions());
    const other = join(folder, "other");
    await runShards(shards.toReversed(), other, { ...mockOptions({ batchSize: 1 }), shardsAtOnce: 3 });
    const sliced = join(folder, "sliced");
    for (const index of [1, 0]) await runShards(takeSlice(shards, { index, of: 2 }), sliced, mockOptions());
    for (const name of ["train-0", "train-1", "train-2"]) {
      const bytes = await shardBytes(out, name);
      expect(await shardBytes(other, name)).toEqual(bytes);
      expect(await shardBytes(sliced, name)).toEqual(bytes);
    }
    expect(await readManifest(sliced)).toEqual(await readManifest(out));
  });

  it("gives up a shard that cannot be read, goes on with the others, and tries it again the next time", async () => {
    const { out, paths, folder } = await threeTars();
    const broken = join(folder, "broken.parquet");
    await writeFile(broken, "no parquet file");
    const shards = await findShards([...paths, broken]);
    const summary = await runShards(shards, out, mockOptions());
    expect(summary).toMatchObject({ written: 3, failed: [{ shard: "broken", error: { code: "INVALID_DATA" } }] });
    expect((await readManifest(out))?.merged?.complete).toBe(false);
    expect((await readStatus(out)).dead).toMatchObject([{ shard: "broken", code: "INVALID_DATA" }]);
    expect(await runShards(shards, out, mockOptions())).toMatchObject({ written: 0, skipped: 3 });
  });

  it("stops with the signal's reason and leaves whole shards alone", async () => {
    const { out, paths } = await threeTars();
    const controller = new AbortController();
    const encoder = mockTokenizer({ grid: { rows: 3, columns: 2 }, delayMs: 5 });
    const running = runShards(await findShards(paths), out, {
      ...mockOptions({ encoder, batchSize: 2 }),
      signal: controller.signal,
      onProgress: ({ images }) => images > 4 && controller.abort(new Error("enough")),
    });
    await expect(running).rejects.toThrow("enough");
    const left = await readdir(join(out, "shards"));
    expect(left.filter((name) => name.startsWith("."))).toEqual([]);
    await runShards(await findShards(paths), out, mockOptions());
    expect((await readStatus(out)).done).toBe(3);
  });
});

describe("a slice", () => {
  it("is what was asked for, or what SLURM and Kubernetes say", () => {
    expect(findSlice({}, {})).toBeNull();
    expect(findSlice({ index: 2, of: 8 }, { SLURM_ARRAY_TASK_ID: "5" })).toEqual({ index: 2, of: 8 });
    const slurm = { SLURM_ARRAY_TASK_MIN: "1", SLURM_ARRAY_TASK_MAX: "16", SLURM_ARRAY_TASK_COUNT: "16" };
    expect(findSlice({}, { ...slurm, SLURM_ARRAY_TASK_ID: "1" })).toEqual({ index: 0, of: 16 });
    expect(findSlice({}, { ...slurm, SLURM_ARRAY_TASK_ID: "16" })).toEqual({ index: 15, of: 16 });
    expect(findSlice({ of: 4 }, { JOB_COMPLETION_INDEX: "3" })).toEqual({ index: 3, of: 4 });
  });

  it("is refused where a number is missing, or the array has holes", () => {
    const refused = { code: "INVALID_ARGUMENT" };
    const find = (...given: Parameters<typeof findSlice>) => {
      try {
        return findSlice(...given);
      } catch (error) {
        return error;
      }
    };
    expect(find({ of: 4 }, {})).toMatchObject(refused);
    expect(find({ index: 4 }, {})).toMatchObject(refused);
    expect(find({ index: 4, of: 4 }, {})).toMatchObject(refused);
    expect(find({}, { JOB_COMPLETION_INDEX: "3" })).toMatchObject(refused);
    const holes = { SLURM_ARRAY_TASK_MIN: "3", SLURM_ARRAY_TASK_MAX: "7", SLURM_ARRAY_TASK_COUNT: "2" };
    expect(find({}, { ...holes, SLURM_ARRAY_TASK_ID: "7" })).toMatchObject(refused);
  });
});
