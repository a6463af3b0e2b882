import { join } from "node:path";
import { gguf as parseWithHuggingFace } from "@huggingface/gguf";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type GgufArray,
  type GgufTensorToWrite,
  type GgufValue,
  readGguf,
  readGgufTensorBytes,
  streamGguf,
  writeGguf,
} from "../../../adapters/gguf/index.ts";
import type { fixedSizes } from "../../../sdk/weights/gguf/fixed-size.ts";
import { blockSize, tensorBytes, tensorTypeId, tensorTypeNames } from "../../../sdk/weights/gguf/tensor-types.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

const text = fc.string({ unit: "binary" }).filter((s) => !/\p{Surrogate}/u.test(s));
const values = {
  uint8: fc.integer({ min: 0, max: 255 }),
  int8: fc.integer({ min: -128, max: 127 }),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int32: fc.integer(),
  float32: fc.float(),
  bool: fc.boolean(),
  string: text,
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double(),
} satisfies Record<keyof typeof fixedSizes | "string", unknown>;
type Scalar = keyof typeof values;

const types = fc.constantFrom(...(Object.keys(values) as Scalar[]));
const scalar = types.chain((type) => values[type].map((value: unknown) => ({ type, value }) as GgufValue));
const flat = types.chain((of) =>
  fc
    .array(values[of] as fc.Arbitrary<unknown>, { maxLength: 5 })
    .map((value) => ({ type: "array", of, value }) as GgufArray),
);
const { array } = fc.letrec<{ array: GgufArray }>((tie) => ({
  array: fc.oneof(
    { maxDepth: 2 },
    flat,
    fc.array(tie("array"), { maxLength: 3 }).map((value): GgufArray => ({ type: "array", of: "array", value })),
  ),
}));
const alignments = fc.constantFrom(undefined, 1, 8, 32, 64, 4096);
const metadata = fc
  .tuple(
    fc.uniqueArray(fc.tuple(text, fc.oneof(scalar, array)), { selector: ([key]) => key, maxLength: 6 }),
    alignments,
  )
  .map(([entries, alignment]): [string, GgufValue][] => [
    ...entries.filter(([key]) => key !== "general.alignment"),
    ...(alignment === undefined
      ? []
      : [["general.alignment", { type: "uint32", value: alignment }] as [string, GgufValue]]),
  ]);

const tensor = fc
  .tuple(
    fc.string({ unit: "binary", maxLength: 15 }).filter((s) => !/\p{Surrogate}/u.test(s)),
    fc.constantFrom(...tensorTypeNames),
    fc.array(fc.nat(3), { maxLength: 3 }),
    fc.nat(2),
  )
  .map(([name, type, outer, blocks]): GgufTensorToWrite & { data: Uint8Array } => {
    const shape = [...outer, blocks * blockSize(type)];
    return { name, type, shape, data: Uint8Array.from({ length: tensorBytes(type, shape) }, (_, i) => (i * 37) % 251) };
  });
const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 5 });

test("property: what is written is what is read, by another library too", async () => {
  const path = join(await temporaryFolder(), "x.gguf");
  await fc.assert(
    fc.asyncProperty(metadata, tensors, async (written, writtenTensors) => {
      await writeGguf(path, written, writtenTensors);
      const file = await readGguf(path);
      expect([...file.metadata]).toEqual(written);
      expect([...file.tensors.keys()]).toEqual(writtenTensors.map(({ name }) => name));
      for (const { name, type, shape, data } of writtenTensors) {
        const stored = file.tensors.get(name)!;
        expect(stored).toMatchObject({ type, shape, length: data.byteLength });
        expect(stored.offset % file.alignment).toBe(0);
        expect(await readGgufTensorBytes(file, name)).toEqual(data);
      }

      const other = await parseWithHuggingFace(path, { allowLocalFile: true });
      for (const [key, value] of written) {
        if (["version", "tensor_count", "kv_count", "__proto__"].includes(key)) continue; // its own names
        expect((other.metadata as Record<string, unknown>)[key]).toEqual(plain(value));
      }
      expect(other.tensorInfos.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
        writtenTensors.map(({ name, type, shape }) => ({
          name,
          dtype: tensorTypeId(type),
          shape: shape.map(BigInt).reverse(),
        })),
      );
      for (const { name, offset } of other.tensorInfos) {
        expect(Number(other.tensorDataOffset + offset)).toBe(file.tensors.get(name)!.offset);
      }
    }),
    { numRuns: 150 },
  );
});

/** Values without their types, as the other library gives them. */
function plain(value: GgufValue): unknown {
  return value.type === "array" && value.of === "array" ? value.value.map(plain) : value.value;
}

test("strings that cross any read of the header are whole", async () => {
  const path = join(await temporaryFolder(), "x.gguf");
  // 40 bytes a string with its length: they cross 1 MiB, where the first read ends, and 2 MB.
  const long = Array.from({ length: 80_000 }, (_, i) => String(i).padStart(32, "-"));
  const value: GgufValue = { type: "array", of: "string", value: long };
  await writeGguf(
    path,
    [
      ["a", value],
      ["b", { type: "string", value: "x".repeat(3_000_000) }],
      ["c", value],
    ],
    [],
  );
  const { metadata } = await readGguf(path);
  expect(metadata.get("a")!.value).toEqual(long);
  expect(metadata.get("b")!.value).toHaveLength(3_000_000);
  expect(metadata.get("c")!.value).toEqual(long);
});

test("tensors may be written in pieces and in any order", async () => {
  const folder = await temporaryFolder();
  const [whole, streamed] = [join(folder, "whole.gguf"), join(folder, "streamed.gguf")];
  const a = { name: "a", type: "F32", shape: [3], data: Float32Array.of(1, 2, 3) } as const;
  const b = { name: "b", type: "I8", shape: [5], data: Int8Array.of(-1, -2, -3, -4, -5) } as const;
  await writeGguf(whole, [], [a, b]);
  await streamGguf(streamed, [], [a, b], async (write) => {
    await write("b", [b.data.subarray(0, 2), b.data.subarray(2)]);
    await write(
      "a",
      (async function* () {
        for (const value of a.data) yield Float32Array.of(value);
      })(),
    );
  });
  const [one, other] = await Promise.all([readGguf(whole), readGguf(streamed)]);
  expect({ ...other, file: one.file, identity: one.identity }).toEqual(one);
  for (const name of ["a", "b"])
    expect(await readGgufTensorBytes(other, name)).toEqual(await readGgufTensorBytes(one, name));
});
