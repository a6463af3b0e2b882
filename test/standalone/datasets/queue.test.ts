import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  enqueueShards,
  findShards,
  type QueueWorkerEvent,
  readManifest,
  readStatus,
  runQueueWorker,
  runShards,
  tarFile,
  tokenizeShard,
} from "../../../adapters/datasets/index.ts";
import { mockTokenizer } from "../../../sdk/testing/index.ts";
import { noRedis, TestRedis } from "../../helpers/redis.ts";
import { mockOptions, newFolder, pictures, shardBytes, tarOf } from "./dataset.ts";
import { killWorkers } from "./kill-workers.ts";

const SHARDS = 5;
const IMAGES = 24;
const WORKER = fileURLToPath(new URL("queue-worker-process.ts", import.meta.url));

interface Case {
  readonly paths: readonly string[];
  readonly output: string;
  readonly expected: readonly Buffer[];
}

/** Tars, and what an undisturbed run makes of them. */
async function newCase(): Promise<Case> {
  const folder = await newFolder();
  const paths: string[] = [];
  for (let i = 0; i < SHARDS; i++) paths.push(await tarOf(folder, `s${i}`, await pictures(IMAGES, 100 * i)));
  const calm = join(folder, "calm");
  await runShards(await findShards(paths), calm, mockOptions());
  const expected = await Promise.all(paths.map((_, i) => shardBytes(calm, `s${i}`)));
  return { paths, output: join(folder, "tokens"), expected };
}

const bytesOf = (output: string): Promise<Buffer[]> =>
  Promise.all(Array.from({ length: SHARDS }, (_, i) => shardBytes(output, `s${i}`)));

describe.skipIf(noRedis !== null)(`a queue${noRedis === null ? "" : ` (skipped: ${noRedis})`}`, () => {
  let redis: TestRedis;
  const started: ChildProcess[] = [];

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterEach(() => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
  });
  afterAll(() => redis.stop());

  const enqueue = ({ paths, output }: Pick<Case, "paths" | "output">) =>
    enqueueShards({ url: redis.url, paths, output, model: { source: "mock" }, rows: {}, spec: mockOptions() });

  /** A worker of this process, until nothing is left. */
  const work = (options: Partial<Parameters<typeof runQueueWorker>[0]> = {}) =>
    runQueueWorker({
      url: redis.url,
      untilEmpty: true,
      lockMs: 2000,
      open: async () => ({ encoder: mockTokenizer({ grid: { rows: 3, columns: 2 } }), model: "the mock" }),
      ...options,
    });

  const workerProcess = (delayMs: number): ChildProcess => {
    const child = spawn(process.execPath, [WORKER, redis.url, "1000", String(delayMs)], { stdio: "ignore" });
    started.push(child);
    return child;
  };

  it("gives each shard to a worker, and its last job merges the manifest", async () => {
    const { output, paths, expected } = await newCase();
    expect(await enqueue({ output, paths })).toEqual({ enqueued: SHARDS, done: 0 });
    expect(await readStatus(output)).toMatchObject({ shards: SHARDS, done: 0 });
    const events: QueueWorkerEvent[] = [];
    await work({ onEvent: (event) => events.push(event) });
    expect(await bytesOf(output)).toEqual(expected);
    expect(events.filter(({ type }) => type === "shard").length).toBe(SHARDS);
    expect(events.at(-1)).toEqual({ type: "merged", output, complete: true });
    expect((await readManifest(output))?.merged).toMatchObject({ complete: true, images: SHARDS * IMAGES });
    expect(await enqueue({ output, paths })).toEqual({ enqueued: 0, done: SHARDS });
  });

  it("has a shard once that is put there twice, or is done by somebody else meanwhile", async () => {
    const { output, paths, expected } = await newCase();
    await enqueue({ output, paths });
    await enqueue({ output, paths });
    await tokenizeShard(tarFile(paths[0] ?? ""), output, mockOptions());
    const states: string[] = [];
    const onEvent = (event: QueueWorkerEvent) => event.type === "shard" && states.push(event.state);
    await Promise.all([work({ onEvent }), work({ onEvent })]);
    expect(states.sort()).toEqual(["done", "written", "written", "written", "written"]);
    expect(await bytesOf(output)).toEqual(expected);
  });

  it("comes to the same bytes when workers are killed at random", async () => {
    const { output, paths, expected } = await newCase();
    const { inWork } = await killWorkers({ url: redis.url, paths, output }, 5, () => rm(output, { recursive: true }));
    expect(inWork).toBeGreaterThan(0);
    await work({ lockMs: 1000 });
    expect(await bytesOf(output)).toEqual(expected);
    const left = await readdir(join(output, "shards"));
    expect(left.filter((name) => !name.startsWith(".")).length).toBe(2 * SHARDS);
  });

  it("is only a queue: FLUSHALL in the middle loses nothing that is done", async () => {
    const { output, paths, expected } = await newCase();
    await enqueue({ output, paths });
    let flushed = false;
    const controller = new AbortController();
    await work({
      untilEmpty: false,
      shardsAtOnce: 1,
      signal: controller.signal,
      async open() {
        return { encoder: mockTokenizer({ grid: { rows: 3, columns: 2 }, delayMs: 1 }), model: "the mock" };
      },
      onEvent(event) {
        if (event.type !== "shard" || flushed) return;
        flushed = true;
        redis.use((client) => client.flushall()).then(() => controller.abort());
      },
    });
    const { done } = await readStatus(output);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(SHARDS);
    expect(await enqueue({ output, paths })).toEqual({ enqueued: SHARDS - done, done });
    const written: string[] = [];
    await work({ onEvent: (event) => event.type === "shard" && written.push(event.shard) });
    expect(written.length).toBe(SHARDS - done);
    expect(await bytesOf(output)).toEqual(expected);
  });

  it("gives a stalled worker's shard to another, and the first comes back to an equal result", async () => {
    const { output, paths, expected } = await newCase();
    await enqueue({ output, paths });
    const stalled = workerProcess(500); // it is stopped long before its first shard ends
    while ((await readStatus(output)).running === 0) await wait(50);
    stalled.kill("SIGSTOP");
    const states: string[] = [];
    await work({ lockMs: 1000, onEvent: (event) => event.type === "shard" && states.push(event.state) });
    expect(await bytesOf(output)).toEqual(expected);
    const ended = once(stalled, "exit");
    stalled.kill("SIGCONT");
    expect(await ended).toEqual([0, null]);
    expect(await bytesOf(output)).toEqual(expected);
    expect(states.length).toBe(SHARDS);
  });

  it("waits for Redis, which is away meanwhile", async () => {
    const { output, paths, expected } = await newCase();
    await enqueue({ output, paths });
    let away: Promise<unknown> | null = null;
    const leave = async () => {
      await redis.stop();
      await wait(3000);
      await redis.start();
      await enqueue({ output, paths }); // a server without a disk forgot all of it
    };
    await work({
      shardsAtOnce: 1,
      onEvent(event) {
        if (event.type === "shard") away ??= leave();
      },
      async open() {
        return { encoder: mockTokenizer({ grid: { rows: 3, columns: 2 }, delayMs: 1 }), model: "the mock" };
      },
    });
    await away;
    await work();
    expect(await bytesOf(output)).toEqual(expected);
  });

  it("gets its shards back at once from a worker that is asked to stop", async () => {
    const { output, paths, expected } = await newCase();
    await enqueue({ output, paths });
    const first = workerProcess(500);
    while ((await readStatus(output)).running === 0) await wait(50);
    const ended = once(first, "exit");
    first.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    await work({ lockMs: 600_000 }); // nothing waits for a lock to end
    expect(await bytesOf(output)).toEqual(expected);
  });

  it("gives up a shard that cannot be made, with its reason, and merges the others", async () => {
    const { output, paths } = await newCase();
    const [first = ""] = paths;
    await enqueue({ output, paths: [first] });
    const another = mockTokenizer({ grid: { rows: 3, columns: 2 } });
    await work({ open: async () => ({ encoder: another, model: "another model" }) });
    expect((await readStatus(output)).dead).toMatchObject([{ shard: "s0", code: "INCOMPATIBLE" }]);
    expect((await readManifest(output))?.merged?.complete).toBe(false);
    expect(await enqueue({ output, paths: [first] })).toEqual({ enqueued: 1, done: 0 });
    await work();
    expect(await readStatus(output)).toMatchObject({ done: 1, dead: [] });
  });

  it("gives up a shard on which workers die, says so, and merges the others", async () => {
    const { output, paths, expected } = await newCase();
    await redis.use((client) => client.flushall()); // a worker of long locks before keeps others from looking for lost ones
    await enqueue({ output, paths: paths.slice(0, 1) });
    for (const _ of [1, 2]) {
      const child = workerProcess(10_000);
      const ended = once(child, "exit");
      while ((await readStatus(output)).running === 0) await wait(50);
      child.kill("SIGKILL");
      await ended;
      await rm(join(output, "running"), { recursive: true });
      await wait(1500); // until its lock has ended
    }
    const said: string[] = [];
    await work({ maxDeaths: 1, lockMs: 1000, onEvent: (event) => event.type === "failed" && said.push(event.message) });
    expect(said).toEqual(["workers died 2 times while they made it"]);
    expect((await readStatus(output)).dead).toMatchObject([{ shard: "s0", code: "RUNTIME" }]);
    expect((await readManifest(output))?.merged?.complete).toBe(false);
    await enqueue({ output, paths });
    await work();
    expect(await readStatus(output)).toMatchObject({ done: SHARDS, dead: [] });
    expect(await bytesOf(output)).toEqual(expected);
  }, 60_000);

  it("says where no Redis answers", async () => {
    const url = "redis://:secret@127.0.0.1:1";
    const failed = await work({ url }).catch((error) => error);
    expect(failed).toMatchObject({ code: "SERVER_UNREACHABLE" });
    expect(failed.message).not.toContain("secret");
  }, 30_000);
});
