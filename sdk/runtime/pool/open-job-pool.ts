import { isMainThread } from "node:worker_threads";
import { HostedPool } from "./hosted-pool.ts";
import type { JobPool, PoolOptions } from "./job-pool.ts";
import type { JobTable } from "./protocol.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Threads that run onnxruntime: of this process, or of another where this one may end a thread without a word. */
export const openJobPool = <J extends JobTable<J>>(options: PoolOptions): JobPool<J> =>
  isMainThread ? new WorkerPool<J>(options) : new HostedPool<J>(options);
