import { execFile } from "node:child_process";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { VqraeError } from "../../../sdk/errors.ts";
import { Gate } from "../../../sdk/runtime/pool/gate.ts";
import type { Jobs } from "../../../sdk/runtime/pool/protocol.ts";
import { WorkerPool } from "../../../sdk/runtime/pool/worker-pool.ts";
import { act } from "./fixtures/fake-worker.ts";

const file = new URL("./fixtures/fake-worker.ts", import.meta.url);
const pools: WorkerPool<Jobs>[] = [];

function makePool(size = 1, options: { turns?: Gate } = {}): WorkerPool<Jobs> {
  const pool = new WorkerPool<Jobs>({ size, setup: null, file, ...options });
  pools.push(pool);
  return pool;
}

const job = (pool: WorkerPool<Jobs>, action: number, argument = 0, signal?: AbortSignal) =>
  pool.run("codebook", { ids: Int32Array.of(action, argument) }, signal ? { signal } : {});

afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.dispose())));

describe("WorkerPool", () => {
  it("answers every job with its own result", async () => {
    const pool = makePool(2);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => job(pool, act.echo, i)));
    expect(answers.map((answer) => answer[1])).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("spreads jobs that overlap over its workers", async () => {
    const pool = makePool(2);
    const [a, b] = await Promise.all([job(pool, act.sleep, 100), job(pool, act.sleep, 100)]);
    expect(a[0]).not.toBe(b[0]);
  });

  it("brings an error back with its code, message and cause", async () => {
    const error = await job(makePool(), act.fail).catch((error: unknown) => error);
    expect(VqraeError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({
      code: "UNSUPPORTED",
      message: 'Expected a for b but received "c".',
      cause: { message: "the cause" },
    });
  });

  it("hands over the buffers of `transfer` and leaves others alone", async () => {
    const pool = makePool();
    const given = Int32Array.of(act.echo, 1);
    await pool.run("codebook", { ids: given }, { transfer: [given.buffer] });
    expect(given.length).toBe(0);
    const kept = Int32Array.of(act.echo, 1);
    await pool.run("codebook", { ids: kept });
    expect([...kept]).toEqual([act.echo, 1]);
  });

  it("rejects a job that cannot be sent, and goes on", async () => {
    const pool = makePool();
    const unsendable = { ids: (() => 0) as unknown as Int32Array };
    await expect(pool.run("codebook", unsendable)).rejects.toMatchObject({ code: "RUNTIME" });
    expect((await job(pool, act.echo, 3))[1]).toBe(3);
  });
});

describe("a worker that dies", () => {
  it.each([
    ["exits", act.exit, "exit code 7"],
    ["throws", act.crash, "on purpose"],
  ])("rejects its job with RUNTIME when it %s, and is replaced", async (_, action, why) => {
    const pool = makePool();
    const [lost, next] = await Promise.allSettled([job(pool, action, 7), job(pool, act.echo, 5)]);
    expect(lost).toMatchObject({ status: "rejected", reason: { code: "RUNTIME" } });
    expect((lost as PromiseRejectedResult).reason.message).toContain(why);
    expect((next as PromiseFulfilledResult<Float32Array>).value[1]).toBe(5);
  });

  it("leaves the jobs of the other workers alone", async () => {
    const pool = makePool(2);
    const [kept, lost] = await Promise.allSettled([job(pool, act.sleep, 300), job(pool, act.exit, 1)]);
    expect([kept.status, lost.status]).toEqual(["fulfilled", "rejected"]);
  });

  it("breaks the pool after three deaths in a row, and nothing hangs", async () => {
    const pool = makePool();
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => job(pool, act.exit, 1)));
    expect(results.map((result) => result.status)).toEqual(Array(6).fill("rejected"));
    await expect(job(pool, act.echo)).rejects.toMatchObject({ code: "RUNTIME" });
    await pool.dispose();
  });

  it("rejects with RUNTIME when the worker's file is missing", async () => {
    const pool = new WorkerPool<Jobs>({
      size: 1,
      setup: null,
      file: new URL("./fixtures/no-such-worker.ts", import.meta.url),
    });
    await expect(job(pool, act.echo)).rejects.toMatchObject({ code: "RUNTIME" });
    await pool.dispose();
  });
});

describe("dispose", () => {
  it("lets the running job finish, rejects the waiting one and what comes after", async () => {
    const pool = makePool();
    const running = job(pool, act.sleep, 200);
    const waiting = expect(job(pool, act.echo)).rejects.toMatchObject({ code: "DISPOSED" });
    let finished = false;
    running.then(() => {
      finished = true;
    });
    await pool.dispose();
    expect(finished).toBe(true);
    await waiting;
    await expect(job(pool, act.echo)).rejects.toMatchObject({ code: "DISPOSED" });
  });

  it("may be called twice, before any job and while a worker dies", async () => {
    const pool = makePool();
    await Promise.all([pool.dispose(), pool.dispose()]);
    const dying = makePool();
    const lost = expect(job(dying, act.exit, 1)).rejects.toMatchObject({ code: "RUNTIME" });
    await dying.dispose();
    await lost;
  });
});

describe("abort", () => {
  it("rejects at once with the signal's reason: before, while waiting and while running", async () => {
    const pool = makePool();
    const reason = new Error("enough");
    await expect(job(pool, act.echo, 0, AbortSignal.abort(reason))).rejects.toBe(reason);

    const controller = new AbortController();
    const running = job(pool, act.sleep, 300, controller.signal).catch((error: unknown) => error);
    const waiting = job(pool, act.exit, 1, controller.signal).catch((error: unknown) => error);
    controller.abort(reason);
    const outcome = await Promise.race([Promise.all([running, waiting]), setImmediate("not at once")]);
    expect(outcome).toEqual([reason, reason]);
    // The running job is finished and dropped, the waiting one was never started: the same worker serves on.
    expect((await job(pool, act.echo, 9))[1]).toBe(9);
  });
});

describe("the process", () => {
  const script = (body: string) =>
    `import { WorkerPool } from ${JSON.stringify(new URL("../../../sdk/runtime/pool/worker-pool.ts", import.meta.url).href)};
     const pool = new WorkerPool({ size: 1, setup: null, file: new URL(${JSON.stringify(file.href)}) });
     const run = (...ids) => pool.run("codebook", { ids: Int32Array.from(ids) });
     ${body}`;
  const runNode = (body: string) =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", script(body)], {
      timeout: 20_000,
      cwd: fileURLToPath(new URL(".", import.meta.url)),
    });

  it("ends by itself with an idle pool that nobody disposed", async () => {
    const { stdout } = await runNode(`console.log((await run(${act.echo}, 4))[1]);`);
    expect(stdout.trim()).toBe("4");
  });

  it("stays alive for a job that is running", async () => {
    const { stdout } = await runNode(`run(${act.sleep}, 400).then((answer) => console.log("late", answer[1]));`);
    expect(stdout.trim()).toBe("late 400");
  });
});

describe("pools that take turns", () => {
  const makePools = () => {
    const turns = new Gate(1);
    return [makePool(1, { turns }), makePool(1, { turns })] as const;
  };

  it("work one after the other, first come first served", async () => {
    const [a, b] = makePools();
    const order: string[] = [];
    const noted = (name: string, done: Promise<unknown>) => done.then(() => order.push(name));
    await Promise.all([
      noted("a", job(a, act.sleep, 200)),
      noted("b", job(b, act.echo)),
      noted("b again", job(b, act.echo)),
    ]);
    expect(order).toEqual(["a", "b", "b again"]);
  });

  it("give the turn on when a worker dies, a job fails or cannot be sent", async () => {
    const [a, b] = makePools();
    const outcomes = [job(a, act.exit, 3), job(b, act.fail), job(a, act.crash), job(b, act.echo, 5)];
    const settled = await Promise.allSettled(outcomes);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "fulfilled"]);
    await expect(a.run("codebook", { ids: (() => 0) as unknown as Int32Array })).rejects.toMatchObject({
      code: "RUNTIME",
    });
    expect((await job(b, act.echo, 6))[1]).toBe(6);
  });

  it("end their threads in turn as well, and the others go on", async () => {
    const [a, b] = makePools();
    await job(a, act.echo);
    const order: string[] = [];
    const busy = job(b, act.sleep, 200).then(() => order.push("b"));
    const gone = a.dispose().then(() => order.push("a is gone"));
    await Promise.all([busy, gone]);
    expect(order).toEqual(["b", "a is gone"]);
    expect((await job(b, act.echo, 7))[1]).toBe(7);
  });
});
