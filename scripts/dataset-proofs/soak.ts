/**
 * One worker of a real queue over many photos, and what it holds on the way: memory, its event loop, the locks of its jobs.
 *
 *     node scripts/dataset-proofs/soak.ts photos.tar 100000 [--model models/vqrae-tiny] [--workers 2] [--shard-size 2000]
 *
 * The photos of the tar are taken again and again under keys of their own, in shards of the size given. Memory growth is from the
 * second fifth of the run to the last one, of the medians. It needs redis-server. docs/tokenise-a-dataset.md has what it printed.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Queue, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import { enqueueShards, modelHash, readManifest, runQueueWorker } from "../../adapters/datasets/index.ts";
import { type LoopGaps, LoopWatch } from "../../bench/lib/loop-watch.ts";
import { collectGarbage, growthOf } from "../../bench/lib/memory.ts";
import { tarPhotos } from "../../bench/lib/tar-photos.ts";
import { VQRAE } from "../../sdk/index.ts";
import { TestRedis } from "../../test/helpers/redis.ts";
import { type TarEntry, tarArchive } from "../../test/helpers/tar-archive.ts";
import { environment } from "../lib/environment.ts";

const { values, positionals } = parseArgs({
  options: {
    model: { type: "string", default: fileURLToPath(new URL("../../models/vqrae-tiny", import.meta.url)) },
    workers: { type: "string", default: "2" },
    "shard-size": { type: "string", default: "2000" },
  },
  allowPositionals: true,
});
const [photos, wanted = "100000"] = positionals;
if (photos === undefined) throw new Error("Expected a tar of photos.");
const images = Number(wanted);
const shardSize = Number(values["shard-size"]);
/** Short, so that a lock that is not renewed is lost soon. */
const LOCK_MS = 5000;
const SAMPLES = 100;

const known = await tarPhotos(photos);
const folder = await mkdtemp(join(tmpdir(), "vqrae-soak-"));
const paths: string[] = [];
for (let first = 0; first < images; first += shardSize) {
  const path = join(folder, `${String(first).padStart(8, "0")}.tar`);
  const file = await open(path, "w");
  const entries: TarEntry[] = [];
  for (let i = first; i < Math.min(first + shardSize, images); i++) {
    const photo = known[i % known.length];
    if (photo) entries.push({ path: `${String(i).padStart(8, "0")}.jpg`, bytes: photo.bytes });
  }
  await file.writeFile(tarArchive(entries));
  await file.close();
  paths.push(path);
}
known.length = 0;

const redis = await TestRedis.start();
try {
  const output = join(folder, "tokens");
  const [encoder, model] = [
    await VQRAE.load(values.model, { workers: Number(values.workers), threads: 1 }),
    await modelHash(values.model),
  ];
  await enqueueShards({
    url: redis.url,
    paths,
    output,
    model: { source: values.model },
    rows: {},
    spec: { encoder, model },
  });

  const name = "vqrae-tokenize";
  const connection = { url: redis.url };
  const [events, queue] = [new QueueEvents(name, { connection }), new Queue(name, { connection })];
  let stalled = 0;
  events.on("stalled", () => stalled++);
  await events.waitUntilReady();

  const client = new Redis(redis.url);
  let [shortest, looks] = [Number.POSITIVE_INFINITY, 0];
  const ended = new AbortController();
  async function lookAtLocks(): Promise<void> {
    while (!ended.signal.aborted) {
      for (const { id } of await queue.getActive()) {
        const left = await client.pttl(`bull:${name}:${id}:lock`);
        if (left < 0) continue; // it has ended meanwhile
        shortest = Math.min(shortest, left);
        looks++;
      }
      await sleep(500, null, { signal: ended.signal }).catch(() => {});
    }
  }
  const looking = lookAtLocks();

  const loop = new LoopWatch();
  const memory: number[] = [];
  const done = new Map<string, number>();
  const gaps: LoopGaps[] = [];
  let sampled = 0;
  const started = performance.now();
  await runQueueWorker({
    url: redis.url,
    lockMs: LOCK_MS,
    untilEmpty: true,
    open: async () => ({ encoder, model }),
    onEvent(event) {
      if (event.type === "failed" || event.type === "queue") console.error(event.message);
      if (event.type !== "progress") return;
      done.set(event.shard, event.images);
      const count = [...done.values()].reduce((sum, own) => sum + own, 0);
      if (count < ((sampled + 1) * images) / SAMPLES) return;
      sampled++;
      gaps.push(loop.gaps);
      collectGarbage(); // what is garbage is no growth
      loop.reset(); // its pause is the look's, not the work's
      memory.push(process.memoryUsage.rss() / 1e6);
      console.error(
        `${count} images, ${memory.at(-1)?.toFixed(0)} MB, gap ${gaps.at(-1)?.longest.toFixed(1)} ms (own ${gaps.at(-1)?.ownWithin.toFixed(1)} ms), shortest lock ${shortest} ms`,
      );
    },
  });
  const seconds = (performance.now() - started) / 1000;
  ended.abort();
  await looking;
  loop.stop();
  await events.close();
  await queue.close();
  client.disconnect();
  const { warm, late, growth } = growthOf(memory);
  const fifth = Math.floor(gaps.length / 5);
  const merged = (await readManifest(output))?.merged;
  console.log(`${await environment("onnxruntime-node", "bullmq", "sharp")}; ${values.workers} workers\n`);
  console.log(
    `| images in | rows out | images/s | memory, warm | at the end | growth | longest gap, of the first fifth | of the others | its own processor time | the longest processor time of one turn | locks looked at | shortest of ${LOCK_MS} ms | stalled |`,
  );
  console.log(`|${" --- |".repeat(13)}`);
  const longest = (some: readonly LoopGaps[]) => some.reduce((most, one) => (one.longest > most.longest ? one : most));
  const [first, later] = [longest(gaps.slice(0, fifth)), longest(gaps.slice(fifth))];
  const own = Math.max(...gaps.slice(fifth).map((one) => one.own));
  const times = [first.longest, later.longest, later.ownWithin, own];
  const cells = [
    images,
    merged?.images,
    (images / seconds).toFixed(1),
    `${warm.toFixed(0)} MB`,
    `${late.toFixed(0)} MB`,
    `${(100 * growth).toFixed(1)} %`,
  ];
  console.log(
    `| ${[...cells, ...times.map((ms) => `${ms.toFixed(1)} ms`), looks, `${shortest} ms`, stalled].join(" | ")} |`,
  );
} finally {
  await redis.stop();
  await rm(folder, { recursive: true });
}
