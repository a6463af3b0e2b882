import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";

const golden = join(import.meta.dirname, "python.safetensors");

/** The tensors of make_safetensors.py; 0, 1/4, ... 5/4 as bits of F16 and BF16. */
const quarters = Float32Array.from({ length: 6 }, (_, i) => i / 4);
const tensors: TensorToWrite[] = [
  { name: "zeta", dtype: "F32", shape: [2, 3], data: quarters },
  { name: "alpha", dtype: "F32", shape: [3, 2], data: quarters },
  { name: "half", dtype: "F16", shape: [6], data: Uint16Array.of(0, 0x3400, 0x3800, 0x3a00, 0x3c00, 0x3d00) },
  { name: "brain", dtype: "BF16", shape: [6], data: Uint16Array.of(0, 0x3e80, 0x3f00, 0x3f40, 0x3f80, 0x3fa0) },
  { name: "10", dtype: "I64", shape: [6], data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n) },
  { name: "9", dtype: "I32", shape: [6], data: Int32Array.of(0, 1, 2, 3, 4, 5) },
  { name: "bytes é\n", dtype: "U8", shape: [6], data: Uint8Array.of(0, 1, 2, 3, 4, 5) },
  { name: "flags", dtype: "BOOL", shape: [6], data: Uint8Array.of(1, 0, 1, 0, 1, 0) },
  { name: "scalar", dtype: "F64", shape: [], data: Float64Array.of(0.5) },
  { name: "empty", dtype: "F32", shape: [0, 4], data: new Float32Array() },
];

test("a file written by Python's safetensors is read", async () => {
  const { metadata, tensors: stored } = await openSafetensors(golden);
  expect(metadata).toEqual({ format: "pt" });
  const described = [...stored.values()].map(({ name, dtype, shape }) => `${name} ${dtype} ${shape}`);
  expect(described.sort()).toEqual(tensors.map(({ name, dtype, shape }) => `${name} ${dtype} ${shape}`).sort());
  for (const [name, dtype] of [
    ["zeta", "F32"],
    ["half", "F16"],
    ["brain", "BF16"],
  ] as const) {
    expect(await readTensor({ ...stored.get(name)!, dtype })).toEqual(quarters);
  }
});

test("our writer's file equals Python's byte for byte", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vqrae-"));
  try {
    await writeSafetensors(join(folder, "ours.safetensors"), tensors, { format: "pt" });
    expect(await readFile(join(folder, "ours.safetensors"))).toEqual(await readFile(golden));
  } finally {
    await rm(folder, { recursive: true });
  }
});
