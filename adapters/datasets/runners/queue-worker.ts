import type { Job, Queue } from "bullmq";
import type { Encoder } from "../../../sdk/index.ts";
import { expectedBut, LinkedAbortController, setFields } from "../../../sdk/kit.ts";
import { findShards } from "../inputs/files.ts";
import { mergeManifest } from "../manifest.ts";
import { ATTEMPTS, jobSchema, QUEUE, type ShardJob } from "./queue-jobs.ts";
import { type BullMq, connect, loadBullMq } from "./redis.ts";
import { markFailed, runShard } from "./run-shard.ts";
import { isAlarm, isFatal } from "./run-shards.ts";

export interface QueueWorkerOptions {
  readonly url: string;
  readonly queue?: string;
  /** Loads a model, once for all jobs that ask for it. `model` is its hash. The worker disposes of the encoder. */
  open(model: ShardJob["model"]): Promise<{ readonly encoder: Encoder; readonly model: string }>;
  /** Shards in work at a time (default 2), so that the encoder is busy while one begins or ends. */
  readonly shardsAtOnce?: number;
  /** End when nothing waits or runs any more (default false: wait for more). */
  readonly untilEmpty?: boolean;
  /** On how many workers a shard may die before it is given up, as what may have killed them (default 10). */
  readonly maxDeaths?: number;
  /** How long a worker may give no sign before its shards go to others, in milliseconds (default 120,000). */
  readonly lockMs?: number;
  readonly onEvent?: (event: QueueWorkerEvent) => void;
  /** Stops the worker: the shards in work go back into the queue at once. */
  readonly signal?: AbortSignal;
}

export type QueueWorkerEvent =
  | { readonly type: "progress"; readonly shard: string; readonly images: number }
  | { readonly type: "shard"; readonly shard: string; readonly state: "written" | "done"; readonly images: number }
  | { readonly type: "merged"; readonly output: string; readonly complete: boolean }
  | { readonly type: "failed"; readonly shard: string; readonly message: string }
  | { readonly type: "queue"; readonly message: string };

/** How often `untilEmpty` looks. */
const LOOK_MS = 1000;

/**
 * Works on a queue's shards until it is stopped. The encoder runs in threads of its own, so that this thread renews the locks of its
 * jobs; a shard whose lock is lost all the same is made twice and committed once.
 *
 * Redis may be away meanwhile: what is in work goes on and is committed to the output, and the worker comes back with the server.
 * @throws SERVER_UNREACHABLE where it is away at the start; MISSING_DEPENDENCY; IO_ERROR where the output cannot be written, with its
 * shards back in the queue
 */
export async function runQueueWorker(options: QueueWorkerOptions): Promise<void> {
  const {
    url,
    queue: name = QUEUE,
    shardsAtOnce = 2,
    maxDeaths = 10,
    lockMs = 120_000,
    onEvent = () => {},
    untilEmpty = false,
  } = options;
  const bullmq = await loadBullMq();
  const connection = await connect(url);
  const stop = new LinkedAbortController(options.signal);
  const { signal } = stop;
  const models = new Map<string, ReturnType<QueueWorkerOptions["open"]>>();
  const open: QueueWorkerOptions["open"] = (model) => {
    const key = JSON.stringify(model);
    const opened = models.get(key) ?? options.open(model);
    models.set(key, opened);
    opened.catch(() => models.delete(key));
    return opened;
  };
  const fatal: unknown[] = [];
  const run = async (job: Job, token: string | undefined): Promise<unknown> => {
    try {
      return await runJob(job, { open, signal, onEvent });
    } catch (error) {
      const ofMachine = isFatal(error, String(job.data?.output));
      if (signal.aborted || ofMachine) {
        // The job is not to blame: another worker takes it, and it counts as no try.
        if (ofMachine) fatal.push(error);
        stop.abort(error);
        await job.moveToWait(token);
        throw new bullmq.WaitingError();
      }
      await noteFailure(bullmq, job, error, onEvent);
      throw error;
    }
  };
  const worker = new bullmq.Worker(name, run, {
    connection,
    concurrency: shardsAtOnce,
    lockDuration: lockMs,
    lockRenewTime: lockMs / 4,
    stalledInterval: lockMs / 4,
    maxStalledCount: maxDeaths,
  });
  const notes: Promise<unknown>[] = [];
  worker.on("failed", (job) => {
    // BullMQ itself gives up a job on which workers died too often. `run` does not see it then.
    if (job?.deferredFailure)
      notes.push(noteDeath(job, `workers died ${maxDeaths + 1} times while they made it`, onEvent));
  });
  worker.on("error", (error) => onEvent({ type: "queue", message: error.message }));
  const queue = new bullmq.Queue(name, { connection });
  queue.on("error", () => {}); // the worker's says it
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const timer = untilEmpty && setInterval(() => void endWhereEmpty(queue, stop), LOOK_MS);
  try {
    await stopped;
    await worker.close();
    await Promise.all(notes);
    if (fatal.length > 0) throw fatal[0];
  } finally {
    stop.unlink();
    if (timer) clearInterval(timer);
    await queue.close().catch(() => {});
    connection.disconnect();
    for (const opened of models.values())
      await opened.then(
        ({ encoder }) => encoder[Symbol.asyncDispose](),
        () => {},
      );
  }
}

async function endWhereEmpty(queue: Pick<Queue, "getJobCounts">, stop: AbortController): Promise<void> {
  const counts = await queue
    .getJobCounts("wait", "active", "delayed", "prioritized", "waiting-children")
    .catch(() => null);
  if (counts !== null && Object.values(counts).every((count) => count === 0)) stop.abort();
}

interface Work {
  readonly open: QueueWorkerOptions["open"];
  readonly signal: AbortSignal;
  readonly onEvent: (event: QueueWorkerEvent) => void;
}

async function runJob(job: Job, { open, signal, onEvent }: Work): Promise<unknown> {
  const parsed = jobSchema.safeParse(job.data);
  if (!parsed.success) {
    throw expectedBut(
      "INCOMPATIBLE",
      "a job of this version",
      `job ${job.id}`,
      parsed.error.issues[0]?.message ?? "another",
    );
  }
  const { data } = parsed;
  signal.throwIfAborted();
  if (data.kind === "merge") {
    const { merged } = await mergeManifest(data.output);
    onEvent({ type: "merged", output: data.output, complete: merged?.complete ?? false });
    return { images: merged?.images, errors: merged?.errors, complete: merged?.complete };
  }
  const shards = await findShards([data.source], setFields(data.inputs));
  const input = shards.find(({ name }) => name === data.shard);
  if (input === undefined) throw expectedBut("INCOMPATIBLE", `the shard ${data.shard}`, data.source, "another folder");
  const { encoder, model } = await open(data.model);
  const { state, stats } = await runShard(input, data.output, {
    ...setFields(data.rows),
    encoder,
    model,
    signal,
    onProgress: (images) => onEvent({ type: "progress", shard: data.shard, images }),
  });
  onEvent({ type: "shard", shard: data.shard, state, images: stats.images });
  return { state, images: stats.images, errors: stats.errors, sha256: stats.files.parquet.sha256 };
}

/** Marks a shard as dead after its last try. @throws an error after which BullMQ does not try again, where that is so */
async function noteFailure(
  { UnrecoverableError }: BullMq,
  job: Job,
  error: unknown,
  onEvent: (event: QueueWorkerEvent) => void,
): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  const last = isAlarm(error) || job.attemptsMade + 1 >= (job.opts.attempts ?? ATTEMPTS);
  onEvent({ type: "failed", shard: job.name, message });
  if (!last) return;
  await markDead(job, error);
  throw new UnrecoverableError(message);
}

async function noteDeath(job: Job, message: string, onEvent: (event: QueueWorkerEvent) => void): Promise<void> {
  onEvent({ type: "failed", shard: job.name, message });
  await markDead(job, new Error(message));
}

async function markDead(job: Job, error: unknown): Promise<void> {
  const { data } = jobSchema.safeParse(job.data);
  if (data?.kind === "shard") await markFailed(data.output, data.shard, error).catch(() => {});
}
