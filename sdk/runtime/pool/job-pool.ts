import type { Gate } from "./gate.ts";
import type { JobTable } from "./protocol.ts";

export interface PoolOptions {
  readonly size: number;
  /** What each worker gets by `threadSetup`. */
  readonly setup: unknown;
  /** The worker's file, which serves the jobs. */
  readonly file: URL;
  /** Passed before each job and before each thread's end, where several pools must not work at the same time. */
  readonly turns?: Gate;
}

export interface RunOptions {
  /** The buffers to hand over. */
  readonly transfer?: readonly ArrayBuffer[];
  readonly signal?: AbortSignal;
}

/** Threads, here or in another process, that do the jobs of J. */
export interface JobPool<J extends JobTable<J>> {
  /**
   * Queues a job. An abort takes a waiting job out of the queue; a job that is running is finished and its result dropped.
   * Either way the promise rejects at once, with the signal's reason.
   * @throws RUNTIME, DISPOSED, or what the job threw.
   */
  run<K extends keyof J>(kind: K, input: J[K]["input"], options?: RunOptions): Promise<J[K]["output"]>;

  /** Rejects the jobs that wait, lets the running ones finish, then ends the threads. */
  dispose(): Promise<void>;
}
