import { workerData } from "node:worker_threads";

/**
 * A thread that ends while onnxruntime runs in it takes the process along (SIGABRT): onnxruntime-node cannot hand its
 * result to a JavaScript that has stopped. So the process, when it exits, first waits for the native calls that run, and
 * none begins after that.
 */

/** Shared by a thread and the one that started it: whether a native call runs, and whether none may begin any more. */
export type ExitGuard = Int32Array<SharedArrayBuffer>;

const [RUNNING, ENDING] = [0, 1];

/** A native call that takes longer is given up on. */
const LONGEST_WAIT_MS = 60_000;

/** What a thread of a pool is born with. */
export interface GuardedData<T> {
  readonly setup: T;
  readonly guard: ExitGuard;
}

const guards = new Set<ExitGuard>();

/** A guard for a thread that is about to start. `forget` it when the thread has ended. */
export function newExitGuard(): ExitGuard {
  if (guards.size === 0 && !process.listeners("exit").includes(waitForNativeCalls))
    process.on("exit", waitForNativeCalls);
  const guard: ExitGuard = new Int32Array(new SharedArrayBuffer(8));
  guards.add(guard);
  return guard;
}

export function forgetExitGuard(guard: ExitGuard): void {
  guards.delete(guard);
}

function waitForNativeCalls(): void {
  for (const guard of guards) Atomics.store(guard, ENDING, 1);
  for (const guard of guards) Atomics.wait(guard, RUNNING, 1, LONGEST_WAIT_MS);
}

/** This thread's own, once `threadSetup` was called. */
let own: ExitGuard | undefined;

/** In a thread of a pool, first of all: what it was started with. */
export function threadSetup<T>(): T {
  const { setup, guard } = workerData as GuardedData<T>;
  own = guard;
  return setup;
}

/** Calls into onnxruntime. In a thread of a pool the process does not end meanwhile. Such calls must not be nested. */
export async function uninterrupted<T>(call: () => Promise<T>): Promise<T> {
  if (own === undefined) return call();
  Atomics.store(own, RUNNING, 1);
  const isEnding = Atomics.load(own, ENDING) === 1;
  try {
    if (!isEnding) return await call();
  } finally {
    Atomics.store(own, RUNNING, 0);
    Atomics.notify(own, RUNNING);
  }
  return new Promise(() => {}); // The process is about to end this thread.
}
