import { expectedBut } from "../../errors.ts";
import type { ExecutionProvider, Precision } from "../pool/protocol.ts";
import { type DeviceReport, gpuProviders, missingPart, probeDevice } from "./probe-devices.ts";
import { deviceMend } from "./providers.ts";

export interface ChosenDevice {
  readonly device: ExecutionProvider;
  /** Why it, in words. */
  readonly reason: string;
}

/**
 * The device that a tokenizer is to run on. "auto" takes CUDA, else WebGPU, where it gives the right numbers and is
 * faster than the CPU, else the CPU; where files tell that there is none, nothing is tried.
 *
 * @throws MISSING_DEPENDENCY for a device that was asked for by name and does not work
 */
export async function chooseDevice(asked: "auto" | ExecutionProvider, precision: Precision): Promise<ChosenDevice> {
  if (asked === "auto" && precision !== "fp32") return { device: "cpu", reason: `${precision} is for the CPU` };
  if (asked === "cpu") return { device: "cpu", reason: "asked for" };
  if (asked !== "auto") {
    const { available, reason } = await probeDevice(asked);
    if (available) return { device: asked, reason: "asked for" };
    throw expectedBut("MISSING_DEPENDENCY", `a working "${asked}" device`, "VQRAE.load", reason, deviceMend[asked]);
  }
  const refused: string[] = [];
  for (const provider of gpuProviders) {
    const missing = await missingPart(provider);
    const report = missing === null ? await probeDevice(provider) : null;
    if (report?.automatic) return { device: provider, reason: listing([...refused, described(report)]) };
    refused.push(report === null ? `${provider}: ${missing}` : described(report));
  }
  return { device: "cpu", reason: listing(refused) };
}

const described = ({ device, reason }: DeviceReport): string => `${device}: ${reason}`;
const listing = (reasons: readonly string[]): string => reasons.join("; ");
