import { writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { GpuProvider } from "../pool/protocol.ts";
import { buildProbeGraph, probeInput } from "./probe-graph.ts";
import { type ProbeResult, printProbeResult } from "./probe-result.ts";
import { fusedAttention, reason } from "./providers.ts";

/**
 * A process of its own that tries a GPU provider and prints what came of it: a driver that crashes or hangs takes this
 * process with it and not the caller's, and what native libraries print on standard error is kept from the terminal.
 */
/** Runs that are timed; fewer where they are slow. */
const MAX_RUNS = 3;
const MAX_TIME_MS = 1000;

async function tryProvider(provider: GpuProvider): Promise<ProbeResult> {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const { data, dims } = probeInput();
  const feeds = { x: new Tensor("float32", data, dims) };
  const measure = async (device: "cpu" | GpuProvider) => {
    const session = await InferenceSession.create(buildProbeGraph({ fusedAttention: fusedAttention[device] }).bytes, {
      executionProviders: [device],
      intraOpNumThreads: availableParallelism(),
      logSeverityLevel: 3,
    });
    // The first run compiles and allocates.
    let y = (await session.run(feeds)).y!.data as Float32Array;
    const times: number[] = [];
    const end = performance.now() + MAX_TIME_MS;
    for (let run = 0; run < MAX_RUNS && (run === 0 || performance.now() < end); run++) {
      const start = performance.now();
      y = (await session.run(feeds)).y!.data as Float32Array;
      times.push(performance.now() - start);
    }
    return { y, time: Math.min(...times) };
  };
  const cpu = await measure("cpu");
  const gpu = await measure(provider);
  return { ok: true, difference: difference(gpu.y, cpu.y), timeRatio: gpu.time / cpu.time };
}

function difference(y: Float32Array, reference: Float32Array): number | null {
  let [error, length] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    error += (y[i]! - reference[i]!) ** 2;
    length += reference[i]! ** 2;
  }
  const ratio = Math.sqrt(error / length);
  return Number.isFinite(ratio) ? ratio : null;
}

const result = await tryProvider(process.argv[2] as GpuProvider).catch(
  (error: unknown): ProbeResult => ({ ok: false, error: reason(error) }),
);
writeSync(1, printProbeResult(result));
// At once: tearing a GPU's context down is where drivers like to crash or wait.
process.exit(0);
