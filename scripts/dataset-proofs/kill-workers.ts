/**
 * Kills workers of a real queue at random moments, and compares what comes out with an undisturbed run, byte by byte.
 *
 *     node scripts/dataset-proofs/kill-workers.ts 200
 *
 * It needs redis-server. docs/tokenise-a-dataset.md has what it printed.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { findShards, readManifest, runQueueWorker, runShards } from "../../adapters/datasets/index.ts";
import { mockTokenizer } from "../../sdk/testing/index.ts";
import { TestRedis } from "../../test/helpers/redis.ts";
import { mockOptions, newFolder, pictures, shardBytes, tarOf } from "../../test/standalone/datasets/dataset.ts";
import { killWorkers } from "../../test/standalone/datasets/kill-workers.ts";

const kills = Number(process.argv[2] ?? 200);
const names = Array.from({ length: 12 }, (_, i) => `shard-${String(i).padStart(2, "0")}`);
const folder = await newFolder();
const paths: string[] = [];
for (const [i, name] of names.entries()) paths.push(await tarOf(folder, name, await pictures(60, 1000 * i)));
const [calm, output] = [join(folder, "calm"), join(folder, "tokens")];
await runShards(await findShards(paths), calm, mockOptions());

const redis = await TestRedis.start();
try {
  let rounds = 1;
  const compare = async (): Promise<void> => {
    for (const name of names) {
      const equal = (await shardBytes(output, name)).equals(await shardBytes(calm, name));
      if (!equal) throw new Error(`${name} differs from the undisturbed run`);
    }
  };
  const found = await killWorkers({ url: redis.url, paths, output }, kills, async () => {
    await compare();
    rounds++;
    await rm(output, { recursive: true });
  });
  await runQueueWorker({
    url: redis.url,
    untilEmpty: true,
    lockMs: 1000,
    open: async () => ({ encoder: mockTokenizer({ grid: { rows: 3, columns: 2 } }), model: "the mock" }),
  });
  await compare();
  const merged = (await readManifest(output))?.merged;
  console.log(
    `${found.kills} workers killed, ${found.inWork} of them in the middle of shards; ${rounds} data sets of ${names.length} ` +
      `shards, all equal to the undisturbed run byte for byte; ${merged?.images} rows of ${names.length * 60} images`,
  );
} finally {
  await redis.stop();
  await rm(folder, { recursive: true });
}
