import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  encodeGgufTensor,
  type GgufFloatType,
  type GgufTensorToWrite,
  type GgufValue,
  readGguf,
  readGgufTensor,
  readGgufTensorBytes,
  writeGguf,
} from "../../../adapters/gguf/index.ts";
import { temporaryFolder } from "../../standalone/checkpoint/temporary.ts";
import { readExpected } from "../expected.ts";

/** Made by llama.cpp's own Python package: make_gguf.py. */
const golden = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const expected = readExpected(golden("expected.safetensors"));
const rows = expected.rows!.data as Float32Array;

const scalars = {
  uint8: 255,
  int8: -128,
  uint16: 65_535,
  int16: -32_768,
  uint32: 2 ** 32 - 1,
  int32: -(2 ** 31),
  float32: Math.fround(0.1),
  bool: true,
  string: "grün 🟩\n",
  uint64: 2n ** 64n - 1n,
  int64: -(2n ** 63n),
  float64: 0.1,
};
const nested = {
  type: "array",
  of: "array",
  value: [
    { type: "array", of: "string", value: ["a", "b"] },
    { type: "array", of: "string", value: ["c"] },
  ],
};

const metadataOf = (alignment: number | null) =>
  [
    ["general.architecture", { type: "string", value: "golden" }],
    ...(alignment === null ? [] : [["general.alignment", { type: "uint32", value: alignment }]]),
    ...Object.entries(scalars).flatMap(([type, value]) => [
      [`one.${type}`, { type, value }],
      [`list.${type}`, { type: "array", of: type, value: [value, value] }],
    ]),
    ["list.nested", nested],
  ] as [string, GgufValue][];

const counted = (count: number) => Array.from({ length: count }, (_, i) => i);
const encoded = (name: string, type: GgufFloatType): GgufTensorToWrite => ({
  name,
  type,
  shape: [3, 64],
  data: encodeGgufTensor(type, rows),
});
const tensors: GgufTensorToWrite[] = [
  encoded("f32", "F32"),
  encoded("f16", "F16"),
  encoded("bf16", "BF16"),
  encoded("q8_0", "Q8_0"),
  { name: "cube", type: "F32", shape: [2, 3, 4], data: Float32Array.from(counted(24)) },
  { name: "ids", type: "I32", shape: [5], data: Int32Array.from(counted(5)) },
];

const files = [
  { name: "python.gguf", alignment: null },
  { name: "aligned-128.gguf", alignment: 128 },
];

test.each(files)("$name is read as it was meant", async ({ name, alignment }) => {
  const file = await readGguf(golden(name));
  expect(file).toMatchObject({ version: 3, alignment: alignment ?? 32 });
  expect([...file.metadata]).toEqual(metadataOf(alignment));
  expect([...file.tensors.values()]).toMatchObject(tensors.map(({ name, type, shape }) => ({ name, type, shape })));
  expect(await readGgufTensor(file, "f32")).toEqual(rows);
  for (const type of ["f16", "bf16", "q8_0"]) expect(await readGgufTensor(file, type)).toEqual(expected[type]!.data);
  expect(new Int32Array((await readGgufTensorBytes(file, "ids")).buffer)).toEqual(Int32Array.from(counted(5)));
  await expect(readGgufTensor(file, "ids")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await expect(readGgufTensor(file, "nothing")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test.each(files)("what is written equals $name byte for byte", async ({ name, alignment }) => {
  const path = join(await temporaryFolder(), name);
  await writeGguf(path, metadataOf(alignment), tensors);
  expect(Buffer.compare(await readFile(path), await readFile(golden(name)))).toBe(0);
});
