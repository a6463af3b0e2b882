import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageFile } from "../../files/package-file.ts";
import type { ExecutionProvider, GpuProvider } from "../pool/protocol.ts";
import type { ProbeResult } from "./probe-result.ts";
import { reason } from "./providers.ts";
import { runProbe } from "./run-probe.ts";

/** What `probeDevices` found out about one device. */
export interface DeviceReport {
  readonly device: ExecutionProvider;
  /** Whether graphs run there and give the right numbers. */
  readonly available: boolean;
  /** Whether device "auto" takes it, where it takes none before it in the list. */
  readonly automatic: boolean;
  /** What was found, in words. */
  readonly reason: string;
}

/**
 * The largest distance from the CPU's numbers, relative to their length, that is rounding: float32 on a GPU measures
 * 1e-6, the TF32 that CUDA may use about 1e-3, and an operator that is wrong above 1e-2.
 */
const MAX_DIFFERENCE = 5e-3;

/** In the order in which "auto" takes them: CUDA is there only where somebody installed it on purpose. */
export const gpuProviders: readonly GpuProvider[] = ["cuda", "webgpu"];

/**
 * Tries every device that a tokenizer could run on, in the order in which device "auto" takes them: a small graph runs
 * there in a process of its own, and its numbers and time are compared with the CPU's. Takes a second or two where
 * there is a GPU, once in a process.
 */
export async function probeDevices(): Promise<readonly DeviceReport[]> {
  const gpus = [];
  // One after the other, since each is timed.
  for (const provider of gpuProviders) gpus.push(await probeDevice(provider));
  return [...gpus, { device: "cpu", available: true, automatic: true, reason: "it is always there" }];
}

const reports = new Map<GpuProvider, Promise<DeviceReport>>();
let last: Promise<unknown> = Promise.resolve();

/** What `probeDevices` says of one provider; tried once in a process. */
export function probeDevice(provider: GpuProvider): Promise<DeviceReport> {
  let report = reports.get(provider);
  if (report === undefined) {
    report = last.then(() => tryDevice(provider));
    last = report;
    reports.set(provider, report);
  }
  return report;
}

/** Why a provider cannot be there, as far as files tell, which costs no process; null where it has to be tried. */
export async function missingPart(provider: GpuProvider): Promise<string | null> {
  return provider === "cuda" ? missingCudaLibrary() : missingGpu();
}

async function tryDevice(device: GpuProvider): Promise<DeviceReport> {
  const missing = device === "cuda" ? await missingCudaLibrary() : null;
  const result: ProbeResult = missing === null ? await runProbe(device) : { ok: false, error: missing };
  if (!result.ok) return { device, available: false, automatic: false, reason: result.error };
  const { difference } = result;
  if (difference === null || difference > MAX_DIFFERENCE) {
    const distance = difference === null ? "they are no numbers" : `${difference.toExponential(1)} from the CPU's`;
    return { device, available: false, automatic: false, reason: `its numbers are wrong: ${distance}` };
  }
  const time = `takes ${result.timeRatio.toPrecision(2)} times as long`;
  const reason = `its numbers agree with the CPU's (within ${difference.toExponential(1)}) and it ${time}`;
  return { device, available: true, automatic: result.timeRatio < 1, reason };
}

/** onnxruntime-node ships CPU and WebGPU; CUDA is a library more, which its install script fetches. */
async function missingCudaLibrary(): Promise<string | null> {
  const libraries: Readonly<Record<string, string>> = {
    linux: "libonnxruntime_providers_cuda.so",
    win32: "onnxruntime_providers_cuda.dll",
  };
  const library = libraries[process.platform];
  if (library === undefined) return `onnxruntime-node has no CUDA on ${process.platform}`;
  try {
    const bin = join(
      dirname(createRequire(packageFile("package.json")).resolve("onnxruntime-node/package.json")),
      "bin",
    );
    const files = await readdir(bin, { recursive: true });
    const own = join(process.platform, process.arch, library);
    return files.some((file) => file.endsWith(own)) ? null : `its library ${library} is not installed`;
  } catch (cause) {
    return `onnxruntime-node was not found: ${reason(cause)}`;
  }
}

/** Linux shows a GPU as a device file: of the kernel's graphics drivers, of NVIDIA's, or of WSL. */
const gpuFiles = [
  { folder: "/dev/dri", name: /^renderD/ },
  { folder: "/dev", name: /^(nvidia\d|dxg$)/ },
];

async function missingGpu(): Promise<string | null> {
  if (process.platform !== "linux") return null;
  const found = await Promise.all(
    gpuFiles.map(async ({ folder, name }) => (await readdir(folder).catch(() => [])).some((file) => name.test(file))),
  );
  return found.includes(true) ? null : "there is no GPU: no /dev/dri/renderD*, /dev/nvidia* or /dev/dxg";
}
