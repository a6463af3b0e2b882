import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { tinyVqrae } from "../runtime/fixtures/tiny.ts";

export interface Parts {
  /** The sections of config.json. */
  config: Record<string, unknown> & Record<"encoder" | "codebook" | "decoder" | "image", Record<string, unknown>>;
  /** The header of model.safetensors. */
  header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  /** The bytes after it. */
  data: Buffer;
  /** The text of config.json and of the header, and the length that the file claims for it, in place of the above. */
  configText?: string | Buffer;
  headerText?: string;
  claimedLength?: bigint;
}

export interface DamageOptions {
  /** The checkpoint that is copied. */
  readonly source?: string;
}

/** A copy of the tiny VQRAE, or of `source`, with `damage` done to it; it goes when the test ends. */
export async function damagedCheckpoint(
  damage: (parts: Parts) => void,
  { source = tinyVqrae }: DamageOptions = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-damaged-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await cp(source, folder, { recursive: true });
  const [configFile, weightsFile] = [join(folder, "config.json"), join(folder, "model.safetensors")];
  const weights = await readFile(weightsFile);
  const dataStart = 8 + Number(weights.readBigUInt64LE(0));
  const parts: Parts = {
    config: JSON.parse(await readFile(configFile, "utf8")),
    header: JSON.parse(weights.toString("utf8", 8, dataStart)),
    data: weights.subarray(dataStart),
  };
  damage(parts);
  await writeFile(configFile, parts.configText ?? JSON.stringify(parts.config));
  const header = Buffer.from(parts.headerText ?? JSON.stringify(parts.header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(parts.claimedLength ?? BigInt(header.length));
  await writeFile(weightsFile, Buffer.concat([length, header, parts.data]));
  return folder;
}

/** Overwrites the first element of a tensor. */
export const setFirst =
  (tensor: string, value: number) =>
  ({ header, data }: Parts): void => {
    data.writeFloatLE(value, header[tensor]!.data_offsets[0]);
  };

/** Adds a tensor of zeros after the last one. */
export const addTensor =
  (name: string, shape: number[]) =>
  (parts: Parts): void => {
    const begin = parts.data.length;
    const end = begin + 4 * shape.reduce((product, size) => product * size, 1);
    parts.header[name] = { dtype: "F32", shape, data_offsets: [begin, end] };
    parts.data = Buffer.concat([parts.data, Buffer.alloc(end - begin)]);
  };

/** Takes a tensor out, and its bytes with it. */
export const removeTensor =
  (name: string) =>
  (parts: Parts): void => {
    const [begin, end] = parts.header[name]!.data_offsets;
    delete parts.header[name];
    parts.data = Buffer.concat([parts.data.subarray(0, begin), parts.data.subarray(end)]);
    for (const { data_offsets: offsets } of Object.values(parts.header)) {
      if (!offsets || offsets[0] < end) continue;
      offsets[0] -= end - begin;
      offsets[1] -= end - begin;
    }
  };
