import type { Llama } from "node-llama-cpp";
import { expectedBut, printable } from "../../../sdk/kit.ts";
import { loadNodeLlamaCpp } from "./node-llama-cpp.ts";

/** llama.cpp's device: "auto" is the best one that there is, false the CPU. */
export type Gpu = "auto" | "cuda" | "vulkan" | "metal" | false;

/** What each device needs of the machine, besides node-llama-cpp's own files for it. */
const needs = {
  cuda: {
    name: "CUDA",
    parts: "NVIDIA's driver and the CUDA runtime (libcudart and libcublas)",
    systems: ["linux", "win32"],
  },
  vulkan: {
    name: "Vulkan",
    parts: "a GPU's Vulkan driver and the Vulkan loader (libvulkan)",
    systems: ["linux", "win32"],
  },
  metal: { name: "Metal", parts: "a Mac with Apple silicon", systems: ["darwin"] },
} as const;

/**
 * llama.cpp in this process, on the device that was asked for and on no other.
 * @throws MISSING_DEPENDENCY without node-llama-cpp, and where the device's driver, runtime or files are missing;
 *   UNSUPPORTED in a runtime that is not Node
 */
export async function openLlama(gpu: Gpu): Promise<Llama> {
  const { getLlama, getLlamaGpuTypes, LlamaLogLevel } = await loadNodeLlamaCpp();
  // llama.cpp's own words hold names and texts of a model's file.
  const logger = (_level: unknown, message: string) => console.warn(`[llama.cpp] ${printable(message)}`);
  const options = { gpu, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false, logger } as const;
  if (gpu === "auto" || gpu === false) return getLlama(options);
  const { name, parts, systems } = needs[gpu];
  const here = `${process.platform}-${process.arch}`;
  const missing = (received: string, mend: string, cause?: unknown) =>
    expectedBut("MISSING_DEPENDENCY", `${name} (${parts})`, `gpu "${gpu}"`, received, { mend, cause });
  const otherwise = 'Use gpu "auto" for the best device that there is, or false for the CPU.';
  if (!systems.some((system) => system === process.platform)) throw missing(`a machine of ${here}`, otherwise);
  const llama = await getLlama(options).catch(async (cause: unknown) => {
    if (!(await getLlamaGpuTypes("supported")).includes(gpu)) {
      throw missing(`a machine on which it was not found (${here})`, `Install what is missing. ${otherwise}`, cause);
    }
    const files = `Run \`npm install @node-llama-cpp/${platformName()}-${gpu}\`.`;
    throw missing(`a machine with it, and no file of node-llama-cpp that runs on it`, `${files} ${otherwise}`, cause);
  });
  if (llama.gpu === gpu) return llama;
  const taken = llama.gpu === false ? "the CPU" : llama.gpu;
  await llama.dispose();
  throw missing(`llama.cpp on ${taken}`, otherwise);
}

/** The platform as node-llama-cpp's packages name it. */
const platformName = (): string => `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
