import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { setFields } from "../../../sdk/kit.ts";
import { findShards } from "../inputs/files.ts";
import type { InputOptions } from "../inputs/member.ts";
import { doneShards, mergeManifest, openManifest } from "../manifest.ts";
import { type TokenizeOptions, tokenizeSpec } from "../tokenize-options.ts";
import { ATTEMPTS, BACKOFF, QUEUE, type ShardJob } from "./queue-jobs.ts";
import { connect, loadBullMq } from "./redis.ts";

export interface EnqueueOptions {
  /** Where Redis or Valkey listens, such as "redis://host:6379". */
  readonly url: string;
  /** The queue's name (default "vqrae-tokenize"): each has workers of its own. */
  readonly queue?: string;
  /** Tars, parquet files or folders, at paths that every worker sees. */
  readonly paths: readonly string[];
  readonly inputs?: InputOptions;
  readonly output: string;
  /** What the workers load: a path that every worker sees, or "default". */
  readonly model: ShardJob["model"];
  readonly rows: ShardJob["rows"];
  /** The tokenizer, for the manifest, and its hash. */
  readonly spec: Pick<TokenizeOptions, "encoder" | "model">;
}

/**
 * Puts the shards that are missing into a queue, as a flow whose last job merges the manifest. Nothing is lost with the queue: what
 * is done is what lies in the output, and whoever calls it again fills the queue with the rest. A shard that waits already is
 * not put there twice; one that was given up is tried again.
 * @returns how many shards were put there, and how many are done
 * @throws SERVER_UNREACHABLE, MISSING_DEPENDENCY, INCOMPATIBLE, INVALID_ARGUMENT, IO_ERROR
 */
export async function enqueueShards(options: EnqueueOptions): Promise<{ enqueued: number; done: number }> {
  const { url, queue: queueName = QUEUE, paths, inputs = {}, model, rows, spec } = options;
  const output = resolve(options.output);
  const shards = await findShards(paths, inputs);
  const names = shards.map(({ name }) => name);
  await openManifest(output, tokenizeSpec({ ...setFields(rows), ...spec }), names);
  const done = new Set(await doneShards(output));
  const missing = shards.filter(({ name }) => !done.has(name));
  if (missing.length === 0) {
    await mergeManifest(output);
    return { enqueued: 0, done: names.length };
  }
  const { FlowProducer, Queue } = await loadBullMq();
  const connection = await connect(url);
  try {
    const queue = new Queue(queueName, { connection });
    const flows = new FlowProducer({ connection });
    const mergeId = jobId(output, "merge");
    const children = missing.map(({ name, source }) => {
      const data: ShardJob = { kind: "shard", output, source: resolve(source), shard: name, inputs, model, rows };
      return {
        name,
        queueName,
        data,
        opts: {
          jobId: jobId(output, `shard ${name}`),
          attempts: ATTEMPTS,
          backoff: BACKOFF,
          ignoreDependencyOnFailure: true,
          removeOnComplete: true,
        },
      };
    });
    for (const id of [mergeId, ...children.map(({ opts }) => opts.jobId)]) {
      const job = await queue.getJob(id);
      if (job && (await job.isFailed())) await job.remove();
    }
    await flows.add({
      name: "merge",
      queueName,
      data: { kind: "merge", output },
      opts: { jobId: mergeId, attempts: ATTEMPTS, backoff: BACKOFF, removeOnComplete: true },
      children,
    });
    await flows.close();
    await queue.close();
  } finally {
    connection.disconnect();
  }
  return { enqueued: missing.length, done: names.length - missing.length };
}

/** One job of a shard in a queue, however often it is put there. */
const jobId = (output: string, what: string): string =>
  `job-${createHash("sha256").update(`${output}\n${what}`).digest("hex").slice(0, 32)}`;
