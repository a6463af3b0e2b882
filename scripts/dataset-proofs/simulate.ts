/**
 * A simulation of tokenising 10^8 images: shards on 1 to 1,000 workers with shard times, deaths and slow machines, from a queue as BullMQ
 * gives them out, or in slices as SLURM and Kubernetes do. It prints the tables of docs/tokenise-a-dataset.md.
 *
 *     node scripts/dataset-proofs/simulate.ts [tokens/]
 *
 * With the folder of a real run it takes the spread of shard times from its records; else SPREAD.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readStats } from "../../adapters/datasets/shard-stats.ts";
import { uniform } from "../../test/helpers/random.ts";

const IMAGES = 1e8;
/** Standard deviation of the logarithm of a shard's time, where no run says it. */
const SPREAD = 0.1;
/** Seconds. A worker dies after an exponential time of this mean: a machine that is taken away once a day. */
const LIFE = 86_400;
/** Until it is back. */
const RESTART = 300;
/** One worker of so many is so many times slower: an older machine, a full disk, a neighbour. */
const [SLOW_EACH, SLOW_FACTOR] = [50, 3];
/** The queue's: a dead worker's shard is given to another after up to this long; a lock is renewed four times in it. */
const LOCK = 120;

interface Plan {
  readonly workers: number;
  /** Of one worker that is not slow. */
  readonly imagesPerSecond: number;
  readonly shardImages: number;
  /** One list that all take from, or every n-th shard for each. */
  readonly from: "queue" | "slices";
  readonly spread: number;
  readonly lock?: number;
  readonly seed: number;
}

interface Outcome {
  /** Until the last shard is done, in seconds. */
  readonly seconds: number;
  /** The least that it could take: all workers busy with what is kept to the end. */
  readonly ideal: number;
  /** Of all that was encoded, the share that deaths threw away. */
  readonly lost: number;
  /** Calls of Redis a second: a job taken and ended, and its lock renewed. */
  readonly queueCalls: number;
}

interface Worker {
  readonly speed: number;
  dies: number;
  next: number;
}

function simulate(plan: Plan): Outcome {
  const { workers, imagesPerSecond, shardImages, from, spread, lock = LOCK, seed } = plan;
  const random = uniform(seed);
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const shards = Math.ceil(IMAGES / shardImages);
  const crew = Array.from({ length: workers }, (_, i): Worker => {
    const speed = (i % SLOW_EACH === SLOW_EACH - 1 ? 1 / SLOW_FACTOR : 1) * imagesPerSecond;
    return { speed, dies: exponential(LIFE), next: i };
  });
  const events = new Heap();
  for (let i = 0; i < workers; i++) events.push(0, i);
  /** Shards of dead workers, and when another may have them. */
  const again = new Heap();
  let [taken, seconds, kept, thrown, calls] = [0, 0, 0, 0, 0];
  const take = (worker: Worker, now: number): boolean | number => {
    if (from === "slices") {
      if (worker.next >= shards) return false;
      worker.next += workers;
      return true;
    }
    if (again.size > 0 && again.least <= now) {
      again.pop();
      return true;
    }
    if (taken < shards) {
      taken++;
      return true;
    }
    return again.size > 0 ? again.least : false;
  };
  while (events.size > 0) {
    const [now, index] = events.pop();
    const worker = crew[index]!;
    const got = take(worker, now);
    if (got === false) continue;
    if (got !== true) {
      events.push(got, index); // waits for the lock of a dead worker's shard
      continue;
    }
    const time = (shardImages / worker.speed) * Math.exp(spread * gaussian() - spread ** 2 / 2);
    const end = now + time;
    if (end <= worker.dies) {
      kept += time;
      calls += 2 + time / (lock / 4);
      seconds = Math.max(seconds, end);
      events.push(end, index);
      continue;
    }
    thrown += Math.max(0, worker.dies - now);
    if (from === "queue") again.push(worker.dies + lock, 0);
    else worker.next -= workers;
    const back = Math.max(now, worker.dies) + RESTART;
    worker.dies = back + exponential(LIFE);
    events.push(back, index);
  }
  const speed = crew.reduce((sum, worker) => sum + worker.speed, 0);
  return { seconds, ideal: IMAGES / speed, lost: thrown / (kept + thrown), queueCalls: calls / seconds };
}

/** Pairs of a time and a number, the earliest first. */
class Heap {
  readonly #items: [number, number][] = [];

  get size(): number {
    return this.#items.length;
  }

  get least(): number {
    return this.#items[0]?.[0] ?? Number.POSITIVE_INFINITY;
  }

  push(time: number, value: number): void {
    const items = this.#items;
    items.push([time, value]);
    for (let i = items.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (items[parent]![0] <= items[i]![0]) return;
      [items[parent], items[i]] = [items[i]!, items[parent]!];
      i = parent;
    }
  }

  pop(): [number, number] {
    const items = this.#items;
    const first = items[0]!;
    const last = items.pop()!;
    if (items.length === 0) return first;
    items[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < items.length && items[child]![0] < items[least]![0]) least = child;
      }
      if (least === i) return first;
      [items[least], items[i]] = [items[i]!, items[least]!];
      i = least;
    }
  }
}

/** Of the shards' seconds an image, in the records of a run. */
async function measuredSpread(folder: string): Promise<number> {
  const shards = join(folder, "shards");
  const records = (await readdir(shards)).filter((name) => name.endsWith(".json"));
  const logs = await Promise.all(
    records.map(async (name) => {
      const { images, run } = await readStats(join(shards, name));
      return Math.log(run.seconds / images);
    }),
  );
  const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
  return Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / Math.max(1, logs.length - 1));
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 2 * 3600) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 2 * 86_400 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const SEEDS = [1, 2, 3];

function row(label: string, plan: Omit<Plan, "seed">): string {
  const runs = SEEDS.map((seed) => simulate({ ...plan, seed }));
  const mean = (of: (run: Outcome) => number) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const seconds = mean(({ seconds }) => seconds);
  const cells = [
    duration(seconds),
    percent(mean(({ ideal }) => ideal) / seconds),
    percent(mean(({ lost }) => lost)),
    plan.from === "queue" ? mean(({ queueCalls }) => queueCalls).toFixed(1) : "",
  ];
  return `| ${label} | ${cells.join(" | ")} |`;
}

const head = (first: string) =>
  `| ${first} | time | of the ideal | work lost | queue calls/s |\n| --- | --- | --- | --- | --- |`;

const [folder] = process.argv.slice(2);
const spread = folder === undefined ? SPREAD : await measuredSpread(folder);
console.log(`Spread of shard times: ${spread.toFixed(3)}${folder === undefined ? " (assumed)" : `, of ${folder}`}.`);
console.log(
  `10^8 images; a worker dies once in ${LIFE / 3600} h and is back after ${RESTART / 60} min; ` +
    `one worker of ${SLOW_EACH} is ${SLOW_FACTOR} times slower; lock of ${LOCK} s; mean of ${SEEDS.length} runs.\n`,
);
const common = { spread, shardImages: 10_000 };
console.log(head("workers, a shard of 10,000"));
for (const imagesPerSecond of [10, 1000]) {
  for (const workers of [1, 10, 100, 1000]) {
    for (const from of ["queue", "slices"] as const) {
      console.log(
        row(`${workers} of ${imagesPerSecond} images/s, ${from}`, { ...common, imagesPerSecond, workers, from }),
      );
    }
  }
}
console.log(`\n${head("images a shard, 1,000 workers of 10 images/s")}`);
for (const shardImages of [500, 2000, 5000, 10_000, 30_000, 100_000]) {
  const label = `${shardImages}: ${duration(shardImages / 10)} a shard`;
  console.log(row(label, { spread, shardImages, workers: 1000, imagesPerSecond: 10, from: "queue" }));
}
console.log(`\n${head("lock, 1,000 workers of 10 images/s, 5,000 a shard")}`);
for (const lock of [30, 120, 600, 3600]) {
  const plan = { spread, shardImages: 5000, workers: 1000, imagesPerSecond: 10, from: "queue" as const };
  console.log(row(duration(lock), { ...plan, lock }));
}
