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
const held = new Map<number, Promise<unknown>>();
let pool: WorkerPool<AnyJobs> | undefined;

process.on("message", (message: HostMessage) => {
  if ("size" in message) pool = openPool(message);
  else if ("abort" in message) running.get(message.abort)?.abort();
  else if ("dispose" in message) void pool?.dispose().then(() => process.disconnect());
  else void answer(message);
});
process.on("disconnect", () => process.exit()); // after the native calls that run

function openPool({ size, setup, file }: HostSetup): WorkerPool<AnyJobs> {
  return new WorkerPool<AnyJobs>({ size, setup, file: new URL(file) });
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
  if (process.connected) process.send?.(response);
}

async function outputOf(job: HostedJob, signal?: AbortSignal): Promise<unknown> {
  const output = await run(job, signal);
  if (!holdsSharedMemory(output)) return output;
  held.set(job.id, Promise.resolve(output));
  return { heldOutputOf: job } satisfies HeldOutput;
}

async function run({ kind, input }: HostedJob, signal?: AbortSignal): Promise<unknown> {
  if (pool === undefined) throw new Error("A job came before the setup");
  return pool.run(kind, await withHeldOutputs(input), signal === undefined ? {} : { signal });
}

/** The input with what stands for held outputs replaced by them. */
async function withHeldOutputs(input: unknown): Promise<unknown> {
  if (input === null || typeof input !== "object" || Array.isArray(input) || ArrayBuffer.isView(input)) return input;
  const entries = Object.entries(input).map(async ([key, value]) => {
    const maker = heldOutputOf(value);
    if (maker === undefined) return [key, value] as const;
    const found = held.get(maker.id) ?? run(maker);
    held.set(maker.id, found);
    return [key, await found] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function holdsSharedMemory(value: unknown): boolean {
  if (ArrayBuffer.isView(value)) return value.buffer instanceof SharedArrayBuffer;
  return value !== null && typeof value === "object" && Object.values(value).some(holdsSharedMemory);
}
