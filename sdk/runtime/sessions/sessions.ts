import type { InferenceSession, Tensor } from "onnxruntime-node";
import { expected, expectedBut, VqraeError } from "../../errors.ts";
import { requireSameFile } from "../../files/read-file.ts";
import type { ElementArrays } from "../../search/graph-runner.ts";
import { deviceMend, reason } from "../devices/providers.ts";
import { uninterrupted } from "../pool/exit-guard.ts";
import type { ExecutionProvider, GraphName, GraphSource, WorkerSetup } from "../pool/protocol.ts";
import { productsSaturate } from "./saturation.ts";

type OnnxRuntime = typeof import("onnxruntime-node");

/** Errors only: warnings on a graph that runs as intended would go straight to the user's terminal. */
export const LOG_ERRORS = 3;

/**
 * Imports onnxruntime-node, whose native part can be missing or built for another platform.
 * @throws MISSING_DEPENDENCY with what was tried and the command that mends it.
 */
export async function importOnnxRuntime(
  load: () => Promise<OnnxRuntime> = () => import("onnxruntime-node"),
): Promise<OnnxRuntime> {
  try {
    return await load();
  } catch (cause) {
    const tried = `import("onnxruntime-node") on ${process.platform}-${process.arch}, Node ${process.version}: ${reason(cause)}`;
    throw expectedBut("MISSING_DEPENDENCY", "a loadable native library", "onnxruntime-node", tried, {
      mend: "Run `ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`, or `npm rebuild onnxruntime-node` after a change of platform or Node.",
      cause,
    });
  }
}

/** The part of a worker's setup that its sessions need. */
export type SessionSetup = Pick<WorkerSetup, "graphs" | "device" | "threads" | "precision" | "prepack">;

/**
 * A thread that waits for the next operator spins for so long before it sleeps: most operators come sooner than a thread wakes up.
 * onnxruntime's default of a millisecond would starve the caller's own work between two runs.
 */
const SPIN_MICROSECONDS = 100;
/** Pauses of a spinning thread double up to so many: it leaves more to the other thread of its core. */
const SPIN_BACKOFF = 64;

/**
 * What a graph's session is opened with.
 *
 * @param bytesExact whether 8-bit products need the option that keeps them from saturating
 */
export function sessionOptions(
  graph: GraphSource,
  { device, threads, prepack }: Pick<SessionSetup, "device" | "threads" | "prepack">,
  bytesExact: boolean,
): InferenceSession.SessionOptions {
  return {
    executionProviders: [providerOf(device, graph)],
    intraOpNumThreads: threads,
    logSeverityLevel: LOG_ERRORS,
    // The last level lays the weights of convolutions out anew, in memory of each session's own; nothing else is on it.
    graphOptimizationLevel: prepack === false && !graph.prepack ? "extended" : "all",
    extra: {
      session: {
        model_external_initializers_file_folder_path: graph.weightsFolder,
        // Prepacking copies every weight; without it they stay in the page cache, shared by all workers.
        disable_prepacking: prepack || graph.prepack ? "0" : "1",
        x64quantprecision: bytesExact ? "1" : "0",
        "intra_op.spin_duration_us": `${SPIN_MICROSECONDS}`,
        "intra_op.spin_backoff_max": `${SPIN_BACKOFF}`,
      },
    },
  };
}

/** The graphs of one worker thread, each opened when it is first needed. */
export class Sessions {
  readonly #runtime: OnnxRuntime;
  readonly #setup: SessionSetup;
  readonly #open = new Map<GraphName, InferenceSession>();
  #bytesExact: Promise<boolean> | undefined;

  constructor(runtime: OnnxRuntime, setup: SessionSetup) {
    this.#runtime = runtime;
    this.#setup = setup;
  }

  /** @throws RUNTIME, or MISSING_DEPENDENCY where the device cannot be used. */
  async open(name: GraphName): Promise<InferenceSession> {
    const opened = this.#open.get(name);
    if (opened !== undefined) return opened;
    const { device, graphs, precision } = this.#setup;
    const graph = graphs[name];
    if (graph === undefined) throw expected("RUNTIME", "a graph of this checkpoint", "a session", name);
    const requireSame = () => Promise.all(graph.identities.map(([file, identity]) => requireSameFile(file, identity)));
    await requireSame();
    try {
      const exactly = precision === "int8" && !(await this.multipliesBytesExactly());
      const options = sessionOptions(graph, this.#setup, exactly);
      const session = await uninterrupted(() => this.#runtime.InferenceSession.create(graph.bytes, options));
      // A file that was replaced while it was opened.
      await requireSame();
      this.#open.set(name, session);
      return session;
    } catch (cause) {
      if (VqraeError.isInstance(cause)) throw cause;
      const code = device === "cpu" ? "RUNTIME" : "MISSING_DEPENDENCY";
      const failure = `onnxruntime's error: ${reason(cause)}`;
      const mend = device === "cpu" ? {} : { mend: deviceMend[device] };
      throw expectedBut(code, `a working "${device}" session`, `the ${name} graph`, failure, { ...mend, cause });
    }
  }

  /** False where a graph needs a session option to do so, which costs it the speed of VNNI. */
  multipliesBytesExactly(): Promise<boolean> {
    return (this.#bytesExact ??= uninterrupted(() => productsSaturate(this.#runtime)).then((saturate) => !saturate));
  }

  tensor<T extends keyof ElementArrays>(type: T, data: ElementArrays[T], dims: readonly number[]): Tensor {
    return new this.#runtime.Tensor(type, data, dims);
  }

  /** Runs a graph and gives the outputs of `fetches` that it has. @throws RUNTIME */
  async run(
    name: GraphName,
    feeds: Record<string, Tensor>,
    fetches: readonly string[],
  ): Promise<Record<string, Tensor | undefined>> {
    const session = await this.open(name);
    const present = fetches.filter((output) => session.outputNames.includes(output));
    try {
      return await uninterrupted(() => session.run(feeds, present));
    } catch (cause) {
      const failure = `onnxruntime's error: ${reason(cause)}`;
      throw expectedBut("RUNTIME", "a finished run", `the ${name} graph`, failure, { cause });
    }
  }
}

/** The binding refuses an empty list of names. */
function providerOf(device: ExecutionProvider, { onCpu, cpuNodes }: GraphSource) {
  if (onCpu) return "cpu";
  return device === "webgpu" && cpuNodes.length > 0 ? { name: device, forceCpuNodeNames: cpuNodes } : device;
}
