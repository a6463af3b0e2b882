import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { VqraeError } from "../errors.ts";
import type { ChosenDevice } from "./choose-device.ts";
import { Gate } from "./gate.ts";
import { buildGraphs } from "./model.ts";
import type { LoadProgress } from "./options.ts";
import { fusedAttention } from "./providers.ts";
import { WorkerPool } from "./worker-pool.ts";

/**
 * onnxruntime's WebGPU provider ends the process with a fault of memory where two threads use it at the same time (issue
 * 32561 of microsoft/onnxruntime; 1.30 does it here too). So all tokenizers on WebGPU take turns, one worker each.
 */
const webgpuTurns = new Gate(1);

export interface PoolOptions {
  readonly workers: number;
  /** Threads of each. */
  readonly threads: number;
  /** Run every graph once in every worker. */
  readonly warmup: boolean;
  readonly signal: AbortSignal;
  readonly report: (phase: LoadProgress["phase"], loaded: number, total: number, detail?: string) => void;
}

/** Worker threads with the checkpoint's graphs, the encoder open in the first of them. */
export async function openPool(
  checkpoint: Checkpoint,
  { device }: ChosenDevice,
  { workers, threads, warmup, signal, report }: PoolOptions,
): Promise<WorkerPool> {
  const settings = { fusedAttention: fusedAttention[device] };
  const graphs = buildGraphs(checkpoint, settings, (loaded, total) => report("graphs", loaded, total));
  const { image, encoder } = checkpoint;
  const size = device === "webgpu" ? 1 : workers;
  const setup = { graphs, image, patchSize: encoder.patchSize, device, threads };
  const pool = new WorkerPool({ size, setup, ...(device === "webgpu" && { turns: webgpuTurns }) });
  try {
    report("session", 0, 1);
    await pool.run("open", { graph: "encoder" }, { signal });
    report("session", 1, 1);
    if (warmup) await warmUp(pool, size, { signal, report });
    signal.throwIfAborted();
    return pool;
  } catch (error) {
    await pool.dispose();
    throw error;
  }
}

/**
 * The same on a device that "auto" chose: it is tried with an image first, and where the device is a GPU that cannot run
 * these graphs after all, the CPU takes its place.
 */
export async function openPoolOrFallBack(
  checkpoint: Checkpoint,
  chosen: ChosenDevice,
  options: PoolOptions,
): Promise<{ pool: WorkerPool; chosen: ChosenDevice }> {
  if (chosen.device === "cpu") return { pool: await openPool(checkpoint, chosen, options), chosen };
  try {
    return { pool: await openPool(checkpoint, chosen, { ...options, warmup: true }), chosen };
  } catch (error) {
    if (!VqraeError.isInstance(error)) throw error; // an abort, or what onProgress threw
    const cpu: ChosenDevice = { device: "cpu", reason: `${chosen.device}: failed on this model: ${error.message}` };
    options.report("device", 1, 1, `cpu (${cpu.reason})`);
    return { pool: await openPool(checkpoint, cpu, options), chosen: cpu };
  }
}

/** As many jobs as workers, given to a pool that has none: each worker gets one. */
async function warmUp(
  pool: WorkerPool,
  workers: number,
  { signal, report }: Pick<PoolOptions, "signal" | "report">,
): Promise<void> {
  let done = 0;
  report("warmup", 0, workers);
  await Promise.all(
    Array.from({ length: workers }, async () => {
      await pool.run("warmup", {}, { signal });
      report("warmup", ++done, workers);
    }),
  );
}
