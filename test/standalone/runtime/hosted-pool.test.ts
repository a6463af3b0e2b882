import { expect, onTestFinished, test } from "vitest";
import { HostedPool } from "../../../sdk/runtime/pool/hosted-pool.ts";
import type { Jobs } from "../../../sdk/runtime/pool/protocol.ts";
import { act } from "./fixtures/fake-worker.ts";

/** The same worker as worker-pool.test.ts, in another process. */
const file = new URL("./fixtures/fake-worker.ts", import.meta.url);

function open(size = 1): HostedPool<Jobs> {
  const pool = new HostedPool<Jobs>({ size, setup: null, file });
  onTestFinished(() => pool.dispose());
  return pool;
}

const job = (pool: HostedPool<Jobs>, action: number, argument = 0, signal?: AbortSignal) =>
  pool.run("codebook", { ids: Int32Array.of(action, argument) }, signal ? { signal } : {});

test("gives what the worker gives, and its errors with code and cause", async () => {
  const pool = open();
  expect((await job(pool, act.echo, 7))[1]).toBe(7);
  const error = await job(pool, act.fail).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "UNSUPPORTED", cause: expect.objectContaining({ message: "the cause" }) });
});

test("dispose lets the running job finish, and rejects what waits and what comes", async () => {
  const pool = open();
  await job(pool, act.echo);
  const running = job(pool, act.sleep, 300);
  const waiting = job(pool, act.echo).catch((error: unknown) => error);
  const disposed = pool.dispose();
  await expect(job(pool, act.echo)).rejects.toMatchObject({ code: "DISPOSED" });
  expect((await running)[1]).toBe(300);
  expect(await waiting).toMatchObject({ code: "DISPOSED" });
  await disposed;
});

test("an abort rejects at once, with the signal's reason, and takes a waiting job out of the queue", async () => {
  const pool = open();
  await job(pool, act.echo);
  const running = job(pool, act.sleep, 500);
  const controller = new AbortController();
  const waiting = job(pool, act.exit, 3, controller.signal);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  expect((await running)[1]).toBe(500);
  expect((await job(pool, act.echo, 1))[1]).toBe(1); // it did not end the worker
});

test("a worker that dies rejects its job, and the next one is done", async () => {
  const pool = open();
  await expect(job(pool, act.exit, 3)).rejects.toMatchObject({ code: "RUNTIME" });
  expect((await job(pool, act.echo, 2))[1]).toBe(2);
});
