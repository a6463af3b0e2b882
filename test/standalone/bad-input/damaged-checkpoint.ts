import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { tinyVqrae } from "../runtime/fixtures/tiny.ts";

export interface Parts {
  /** The sections of config.json. */
  config: Record<"encoder" | "codebook" | "decoder", Record<string, unknown>>;
  /** The header of model.safetensors. */
  header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  /** The bytes after it. */
  data: Buffer;
}

/** A copy of the tiny VQRAE with `damage` done to it; it goes when the test ends. */
export async function damagedCheckpoint(damage: (parts: Parts) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-damaged-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp(tinyVqrae, folder, { recursive: true });
  const [configFile, weightsFile] = [join(folder, "config.json"), join(folder, "model.safetensors")];
  const weights = await readFile(weightsFile);
  const dataStart = 8 + Number(weights.readBigUInt64LE(0));
  const parts: Parts = {
    config: JSON.parse(await readFile(configFile, "utf8")),
    header: JSON.parse(weights.toString("utf8", 8, dataStart)),
    data: weights.subarray(dataStart),
  };
  damage(parts);
  await writeFile(configFile, JSON.stringify(parts.config));
  const header = Buffer.from(JSON.stringify(parts.header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  await writeFile(weightsFile, Buffer.concat([length, header, parts.data]));
  return folder;
}

/** Overwrites the first element of a tensor. */
export const setFirst =
  (tensor: string, value: number) =>
  ({ header, data }: Parts): void => {
    data.writeFloatLE(value, header[tensor]!.data_offsets[0]);
  };
