import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteLength, dtypeNames, isWeightDtype } from "../../../sdk/weights/dtypes.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import { openSafetensors } from "../../../sdk/weights/safetensors/open-safetensors.ts";
import {
  streamSafetensors,
  type TensorToWrite,
  writeSafetensors,
} from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { failure, temporaryFolder } from "./temporary.ts";

const f32 = (name: string, ...values: number[]): TensorToWrite => ({
  name,
  dtype: "F32",
  shape: [values.length],
  data: Float32Array.from(values),
});

const shapes = fc.array(fc.nat(4), { maxLength: 4 });
const tensor = fc
  .tuple(fc.string({ unit: "binary" }), fc.constantFrom(...dtypeNames), shapes)
  .filter(([name, dtype, shape]) => name !== "__metadata__" && !Number.isNaN(byteLength(dtype, shape)))
  .map(([name, dtype, shape]): TensorToWrite => {
    const data = Uint8Array.from({ length: byteLength(dtype, shape) }, (_, i) => (i * 37) % 120);
    return { name, dtype, shape, data };
  });

test("property: what is written is what is read, aligned to its own size", async () => {
  const path = join(await temporaryFolder(), "x.safetensors");
  const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 8 });
  const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });
  await fc.assert(
    fc.asyncProperty(tensors, metadata, async (written, metadata) => {
      await writeSafetensors(path, written, metadata);
      const file = await openSafetensors(path);
      expect(file.metadata).toEqual({ ...metadata });
      expect(file.tensors.size).toBe(written.length);
      for (const { name, dtype, shape, data } of written) {
        const stored = file.tensors.get(name)!;
        expect(stored).toMatchObject({ dtype, shape, length: data.byteLength });
        if (!isWeightDtype(dtype)) continue;
        expect(stored.offset % byteLength(dtype, [1])).toBe(0);
        expect(await readTensor({ ...stored, dtype })).toHaveLength(data.byteLength / byteLength(dtype, [1]));
      }
    }),
    { numRuns: 100 },
  );
});

test("property: float32 values survive bit for bit", async () => {
  const path = join(await temporaryFolder(), "x.safetensors");
  await fc.assert(
    fc.asyncProperty(fc.float32Array({ maxLength: 40 }), async (values) => {
      await writeSafetensors(path, [f32("a"), { ...f32("b"), shape: [values.length], data: values }]);
      const stored = (await openSafetensors(path)).tensors.get("b")!;
      expect(await readTensor({ ...stored, dtype: "F32" })).toEqual(values);
    }),
    { numRuns: 50 },
  );
});

test("F16 and BF16 are widened exactly, subnormals, infinities and NaN too", async () => {
  const path = join(await temporaryFolder(), "x.safetensors");
  const halves = Uint16Array.of(0x0001, 0x03ff, 0x0400, 0x3555, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000, 0xc000);
  const brains = Uint16Array.of(0x0001, 0x3f80, 0xc049, 0x7f80, 0xff80, 0x7fc0, 0x8000);
  await writeSafetensors(path, [
    { name: "h", dtype: "F16", shape: [2, 5], data: halves },
    { name: "b", dtype: "BF16", shape: [7], data: brains },
  ]);
  const { tensors } = await openSafetensors(path);
  expect([...(await readTensor({ ...tensors.get("h")!, dtype: "F16" }))]).toEqual([
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    1365 / 4096,
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    -0,
    -2,
  ]);
  expect([...(await readTensor({ ...tensors.get("b")!, dtype: "BF16" }))]).toEqual([
    2 ** -133,
    1,
    -3.140625,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    -0,
  ]);
});

test("a file that has become shorter since it was opened", async () => {
  const path = join(await temporaryFolder(), "x.safetensors");
  await writeSafetensors(path, [f32("a", 1, 2, 3)]);
  const ref = { ...(await openSafetensors(path)).tensors.get("a")!, dtype: "F32" } as const;
  await truncate(path, ref.offset + 4);
  const { code, message } = await failure(readTensor(ref));
  expect(code).toBe("INVALID_CHECKPOINT");
  expect(message).toMatch(
    /the file that was loaded for .*x\.safetensors but received another one, or none, in its place/,
  );
});

test("a view's own bytes are written, not its buffer's", async () => {
  const path = join(await temporaryFolder(), "x.safetensors");
  await writeSafetensors(path, [{ ...f32("a"), shape: [2], data: Float32Array.of(9, 1, 2, 9).subarray(1, 3) }]);
  const stored = (await openSafetensors(path)).tensors.get("a")!;
  expect([...(await readTensor({ ...stored, dtype: "F32" }))]).toEqual([1, 2]);
});

test("an old file is replaced, and nothing else is left in the folder", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "x.safetensors"), "old");
  await writeSafetensors(join(folder, "x.safetensors"), [f32("a", 1)]);
  expect(await readdir(folder)).toEqual(["x.safetensors"]);
});

test("a failed write leaves no temporary file", async () => {
  const folder = await temporaryFolder();
  // A folder cannot be replaced by a file: the rename fails, after everything was written.
  const { code } = await failure(writeSafetensors(folder, [f32("a", 1)]));
  expect(code).toBe("IO_ERROR");
  expect(await readdir(folder)).toEqual([]);
  expect(await readdir(join(folder, "..")).then((names) => names.filter((n) => n.endsWith(".tmp")))).toEqual([]);
});

const bad: [name: string, message: RegExp, tensors: TensorToWrite[]][] = [
  ["a name twice", /a name of its own .* "a"/, [f32("a", 1), f32("a", 2)]],
  ["the name of the metadata", /"__metadata__"/, [f32("__metadata__", 1)]],
  ["too little data", /Expected 8 bytes for tensor a \(F32 \[2\]\)/, [{ ...f32("a", 1), shape: [2] }]],
  ["a negative size", /a countable shape/, [{ ...f32("a", 1), shape: [-1] }]],
  ["an unknown dtype", /for dtype of tensor a but received "F8"/, [{ ...f32("a", 1), dtype: "F8" as "F32" }]],
];
test.each(bad)("%s is INVALID_ARGUMENT", async (_, message, tensors) => {
  const folder = await temporaryFolder();
  const error = await failure(writeSafetensors(join(folder, "x.safetensors"), tensors));
  expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  expect(await readdir(folder)).toEqual([]);
});

describe("streamSafetensors", () => {
  const layout = [
    { name: "bytes", dtype: "I8", shape: [3] },
    { name: "floats", dtype: "F32", shape: [2] },
  ] as const;
  const bytes = Int8Array.of(-1, 2, -128);
  const floats = Float32Array.of(0.5, -3);

  test("writes the same file in any order", async () => {
    const folder = await temporaryFolder();
    const [whole, streamed] = [join(folder, "whole.safetensors"), join(folder, "streamed.safetensors")];
    const metadata = { of: "both" };
    await writeSafetensors(
      whole,
      [
        { ...layout[0], data: bytes },
        { ...layout[1], data: floats },
      ],
      metadata,
    );
    await streamSafetensors(streamed, layout, metadata, async (write) => {
      await write("floats", floats);
      await write("bytes", bytes);
    });
    expect(await readFile(streamed)).toEqual(await readFile(whole));
  });

  type Fill = Parameters<typeof streamSafetensors>[3];
  const mistakes: [string, RegExp, Fill][] = [
    ["leaves a tensor out", /Expected data for tensor bytes but received none/, (write) => write("floats", floats)],
    ["writes one twice", /still to be written for its name but received "floats"/, (write) => twice(write, floats)],
    ["writes an unknown one", /but received "doubles"/, (write) => write("doubles", floats)],
    ["writes too much", /Expected 8 bytes for tensor floats/, (write) => write("floats", new Float32Array(3))],
  ];
  const twice = async (write: Parameters<Fill>[0], data: Float32Array) => {
    await write("floats", data);
    await write("floats", data);
  };
  test.each(mistakes)("is INVALID_ARGUMENT where the caller %s, and leaves no file", async (_, message, fill) => {
    const folder = await temporaryFolder();
    const error = await failure(streamSafetensors(join(folder, "x.safetensors"), layout, {}, fill));
    expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
    expect(await readdir(folder)).toEqual([]);
  });

  test("passes on what the caller throws, and leaves no file", async () => {
    const folder = await temporaryFolder();
    const reason = new Error("on purpose");
    const fill = async (write: Parameters<Fill>[0]) => {
      await write("bytes", bytes);
      throw reason;
    };
    await expect(streamSafetensors(join(folder, "x.safetensors"), layout, {}, fill)).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual([]);
  });
});
