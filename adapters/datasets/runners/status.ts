import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expectedBut, readJsonObject } from "../../../sdk/kit.ts";
import { doneShards, manifestPath, readManifest, shardFile } from "../manifest.ts";
import { readStats } from "../shard-stats.ts";

/** A sign of life that is older is that of a worker that is gone. */
const SILENT_MS = 60_000;

/** How far a data set is, as its folder tells it: it does not matter who works on it, or where. */
export interface Status {
  /** Shards that were asked for. */
  readonly shards: number;
  readonly done: number;
  /** In work, by workers that gave a sign within the last minute. */
  readonly running: number;
  /** Given up after all their tries; the next run tries them again. */
  readonly dead: readonly { readonly shard: string; readonly code: string; readonly message: string }[];
  /** Rows of the shards that are done, and how many of them hold an error. */
  readonly images: number;
  readonly errors: number;
  /** Of all workers that run now. */
  readonly imagesPerSecond: number;
  /** Seconds until all is done at this speed; null where nothing runs, or nothing is done yet. */
  readonly secondsLeft: number | null;
}

/** @throws INVALID_DATA for a folder without a manifest, IO_ERROR */
export async function readStatus(output: string): Promise<Status> {
  const manifest = await readManifest(output);
  if (manifest === null) {
    throw expectedBut("INVALID_DATA", "a folder of tokens", output, "no manifest.json", { path: manifestPath(output) });
  }
  const done = new Set(await doneShards(output));
  let [images, errors] = [0, 0];
  for (const name of done) {
    const stats = await readStats(shardFile(output, name, ".json"));
    images += stats.images;
    errors += stats.errors;
  }
  const beats = (await signs(join(output, "running"), SILENT_MS)).filter(({ shard }) => !done.has(String(shard)));
  const failures = (await signs(join(output, "failed"))).filter(({ shard }) => !done.has(String(shard)));
  const running = new Set(beats.map(({ shard }) => shard)).size;
  const imagesPerSecond = beats.reduce((sum, { images, seconds }) => sum + (Number(images) / Number(seconds) || 0), 0);
  const ahead = beats.reduce((sum, beat) => sum + Number(beat.images), 0);
  const left = (images / done.size) * (manifest.inputs.length - done.size) - ahead;
  return {
    shards: manifest.inputs.length,
    done: done.size,
    running,
    dead: failures.map(({ shard, code, message }) => ({
      shard: String(shard),
      code: String(code),
      message: String(message),
    })),
    images,
    errors,
    imagesPerSecond,
    secondsLeft: imagesPerSecond > 0 && done.size > 0 ? Math.max(0, left) / imagesPerSecond : null,
  };
}

/** The JSON objects in a folder; those that are being written, or are older than `maxAge`, are left out. */
async function signs(folder: string, maxAge = Number.POSITIVE_INFINITY): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
    if (Date.now() - mtimeMs > maxAge) continue;
    const value = await readJsonObject(path, "INVALID_DATA").catch(() => null);
    if (value !== null) found.push(value);
  }
  return found;
}
