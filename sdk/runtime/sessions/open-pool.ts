import { VqraeError } from "../../errors.ts";
import type { EncoderGraph, Model } from "../../families/model.ts";
import { workerFile } from "../../files/package-file.ts";
import type { Codes } from "../../search/sign-codes.ts";
import type { Floats } from "../../weights/made/floats.ts";
import type { ChosenDevice } from "../devices/choose-device.ts";
import { fusedAttention } from "../devices/providers.ts";
import type { LoadProgress } from "../options.ts";
import { Gate } from "../pool/gate.ts";
import type { JobPool } from "../pool/job-pool.ts";
import { openJobPool } from "../pool/open-job-pool.ts";
import type { Jobs, Precision, WorkerSetup } from "../pool/protocol.ts";
import { buildGraphs } from "./build-graphs.ts";

/**
 * onnxruntime's WebGPU provider ends the process with a fault of memory where two threads use it at the same time (issue
 * 32561 of microsoft/onnxruntime; 1.30 does it here too). So all tokenizers on WebGPU take turns, one worker each.
 */
const webgpuTurns = new Gate(1);

export interface PoolOptions {
  /** The encoder's own, or the int8 form of them. */
  readonly weights: object;
  /** Of its weights, and of all other ones of the model. */
  readonly floats: Floats;
  readonly precision: Precision;
  readonly prepack: boolean | undefined;
  readonly workers: number;
  /** Threads of each. */
  readonly threads: number;
  /** Run every graph once in every worker. */
  readonly warmup: boolean;
  readonly signal: AbortSignal;
  readonly report: (phase: LoadProgress["phase"], loaded: number, total: number, detail?: string) => void;
}

export interface OpenedPool {
  readonly pool: JobPool<Jobs>;
  /** One thread for the ids that a decoder draws: it keeps a picture's state. null for a model that draws none. */
  readonly drawer: JobPool<Jobs> | null;
  /** What is searched for ids, where the warm-up has made it. */
  readonly codes: Codes | null;
  /** Where it runs after all. */
  readonly chosen: ChosenDevice;
}

/** Worker threads with the checkpoint's graphs, the encoder, with the projector where there is one, open in the first. */
export async function openPool(
  model: Model,
  chosen: ChosenDevice,
  { weights, floats, precision, prepack, workers, threads, warmup, signal, report }: PoolOptions,
): Promise<OpenedPool> {
  const { device } = chosen;
  const { image, codebook, projector, encoder } = model;
  const largeConvolutionsInPlace = device === "cpu" && prepack === undefined;
  const settings = { fusedAttention: fusedAttention[device], largeConvolutionsInPlace, floats };
  const graphs = buildGraphs(model, weights, settings, (loaded, total) => report("graphs", loaded, total));
  const inputOf = ({ takes, patchSize = encoder.patchSize }: EncoderGraph) => ({
    takes,
    patchSize,
    pairs: encoder.pairs ?? false,
  });
  const input = inputOf(model.graphs.encode);
  const forEmbed = projector && {
    info: projector.info,
    image: projector.image,
    layout: projector.layout,
    input: inputOf(model.graphs.project ?? model.graphs.encode),
  };
  const { featureDim } = encoder;
  const drawing = model.decoder?.drawing ?? null;
  const common = { image, input, codebook, drawing, featureDim, projector: forEmbed, device, precision };
  const setup = { ...common, graphs, threads, prepack } satisfies WorkerSetup;
  const size = device === "webgpu" ? 1 : workers;
  const file = workerFile("worker");
  const pool = openJobPool<Jobs>({ size, setup, file, ...(device === "webgpu" && { turns: webgpuTurns }) });
  try {
    report("session", 0, 1);
    await pool.run("open", { graph: projector ? "projector" : "encoder" }, { signal });
    report("session", 1, 1);
    let codes: Codes | null = null;
    if (warmup) {
      codes = codebook && (await pool.run("codes", null, { signal }));
      await warmUp(pool, size, codes, { signal, report });
    }
    signal.throwIfAborted();
    // Its thread starts with its first job.
    const drawer = drawing && openJobPool<Jobs>({ size: 1, setup, file });
    return { pool, drawer, codes, chosen };
  } catch (error) {
    await pool.dispose();
    throw error;
  }
}

/**
 * The same on a device that "auto" chose: where that is a GPU it is tried with an image first, and where it cannot run
 * these graphs after all, the CPU takes its place.
 */
export async function openPoolOrFallBack(
  model: Model,
  chosen: ChosenDevice,
  options: PoolOptions,
): Promise<OpenedPool> {
  if (chosen.device === "cpu") return openPool(model, chosen, options);
  try {
    return await openPool(model, chosen, { ...options, warmup: true });
  } catch (error) {
    if (!VqraeError.isInstance(error)) throw error; // an abort, or what onProgress threw
    const cpu: ChosenDevice = { device: "cpu", reason: `${chosen.device}: failed on this model: ${error.message}` };
    options.report("device", 1, 1, `cpu (${cpu.reason})`);
    return openPool(model, cpu, options);
  }
}

/** As many jobs as workers, given to a pool that has none: each worker gets one. */
async function warmUp(
  pool: JobPool<Jobs>,
  workers: number,
  codes: Codes | null,
  { signal, report }: Pick<PoolOptions, "signal" | "report">,
): Promise<void> {
  let done = 0;
  report("warmup", 0, workers);
  await Promise.all(
    Array.from({ length: workers }, async () => {
      await pool.run("warmup", { codes }, { signal });
      report("warmup", ++done, workers);
    }),
  );
}
