import {
  type HeldOutput,
  type HostedJob,
  type HostMessage,
  type HostResponse,
  type HostSetup,
  heldOutputOf,
} from "./host-messages.ts";
import { toPlainError } from "./protocol.ts";
import { WorkerPool } from "./worker-pool.ts";

/** A process that keeps the threads of one `HostedPool`. It ends with the thread that started it. */

type AnyJobs = Record<string, { input: unknown; output: unknown }>;

const running = new Map<number, AbortController>();
/** By the id of the job that gave them. */
const held = new Map<number, unknown>();
/** Jobs whose answers are not sent yet. */
const answers = new Set<Promise<void>>();
let pool: WorkerPool<AnyJobs> | undefined;

process.on("message", (message: HostMessage) => {
  if ("size" in message) pool = openPool(message);
  else if ("abort" in message) running.get(message.abort)?.abort();
  else if ("dispose" in message) void dispose();
  else {
    const answered = answer(message).finally(() => answers.delete(answered));
    answers.add(answered);
  }
});
process.on("disconnect", () => process.exit()); // after the native calls that run

function openPool({ size, setup, file }: HostSetup): WorkerPool<AnyJobs> {
  return new WorkerPool<AnyJobs>({ size, setup, file: new URL(file) });
}

async function dispose(): Promise<void> {
  await pool?.dispose();
  await Promise.all(answers);
  process.disconnect();
}

async function answer(job: HostedJob): Promise<void> {
  const controller = new AbortController();
  running.set(job.id, controller);
  let response: HostResponse;
  try {
    response = { id: job.id, ok: true, output: await outputOf(job, controller.signal) };
  } catch (error) {
    response = { id: job.id, ok: false, error: toPlainError(error) };
  }
  running.delete(job.id);
  // Where the other side has gone there is nobody to tell.
  await new Promise((sent) => (process.connected ? process.send?.(response, sent) : sent(null)));
}

async function outputOf(job: HostedJob, signal: AbortSignal): Promise<unknown> {
  const output = await run(job, signal);
  if (!holdsSharedMemory(output)) return output;
  held.set(job.id, output);
  return { heldOutputOf: job } satisfies HeldOutput;
}

/** Waits only where a held output must be made again: a job that came before "dispose" is in the pool by then. */
function run(job: HostedJob, signal?: AbortSignal): Promise<unknown> {
  const lost = heldIn(job.input).filter(([, maker]) => !held.has(maker.id));
  if (lost.length === 0) return start(job, signal);
  return Promise.all(lost.map(async ([, maker]) => held.set(maker.id, await run(maker)))).then(() =>
    start(job, signal),
  );
}

async function start({ kind, input }: HostedJob, signal: AbortSignal | undefined): Promise<unknown> {
  if (pool === undefined) throw new Error("A job came before the setup");
  const outputs = heldIn(input).map(([key, maker]) => [key, held.get(maker.id)] as const);
  const complete = outputs.length === 0 ? input : Object.assign({}, input, Object.fromEntries(outputs));
  return pool.run(kind, complete, signal === undefined ? {} : { signal });
}

/** The fields of an input that stand for held outputs. */
function heldIn(input: unknown): [key: string, maker: HostedJob][] {
  if (input === null || typeof input !== "object" || ArrayBuffer.isView(input)) return [];
  return Object.entries(input).flatMap(([key, value]) => {
    const maker = heldOutputOf(value);
    return maker === undefined ? [] : [[key, maker] satisfies [string, HostedJob]];
  });
}

function holdsSharedMemory(value: unknown): boolean {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof SharedArrayBuffer;
  return value !== null && typeof value === "object" && Object.values(value).some(holdsSharedMemory);
}
