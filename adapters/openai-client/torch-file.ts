import { crc32 } from "node:zlib";
import { expected, narrowBF16, narrowF16 } from "../../sdk/kit.ts";

/** torch's storage classes, by the names of their numbers. */
const STORAGES = { f32: "FloatStorage", f16: "HalfStorage", bf16: "BFloat16Storage", i64: "LongStorage" };

export type FloatDtype = "f32" | "f16" | "bf16";

/**
 * A tensor as `torch.save` writes it (torch/serialization.py, 2.13), which `torch.load(..., weights_only=True)` reads: a zip of
 * stored records, the numbers among them at a multiple of 64 bytes.
 * @param values [shape], row-major; of a `BigInt64Array` the tensor is int64
 * @param dtype what the numbers become (default "f32"); rounded to the nearest, ties to even
 * @throws INVALID_ARGUMENT for a shape that is not that of the values
 */
export function torchFile(
  values: Float32Array | BigInt64Array,
  shape: readonly number[],
  dtype: FloatDtype = "f32",
): Uint8Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const whole = shape.length > 0 && shape.every((size) => Number.isSafeInteger(size) && size > 0);
  if (!whole || count !== values.length) {
    throw expected("INVALID_ARGUMENT", `a shape of ${values.length} numbers`, "torchFile", shape);
  }
  const own = values instanceof BigInt64Array ? "i64" : dtype;
  const text = (content: string) => Buffer.from(content, "latin1");
  return storedZip([
    ["data.pkl", pickledTensor(STORAGES[own], count, shape)],
    [".format_version", text("1")],
    [".storage_alignment", text(String(ALIGNMENT))],
    ["byteorder", text("little")],
    ["data/0", numbers(values, dtype)],
    ["version", text("3\n")],
  ]);
}

function numbers(values: Float32Array | BigInt64Array, dtype: FloatDtype): Buffer {
  const narrowed =
    values instanceof BigInt64Array || dtype === "f32"
      ? values
      : dtype === "f16"
        ? narrowF16(values)
        : narrowBF16(values);
  return Buffer.from(narrowed.buffer, narrowed.byteOffset, narrowed.byteLength);
}

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())` in pickle's protocol 2. */
function pickledTensor(storage: string, count: number, shape: readonly number[]): Buffer {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
  let memo = 0;
  const remembered = (...parts: readonly Buffer[]) => Buffer.concat([...parts, Buffer.of(op("q"), memo++)]);
  const named = (module: string, name: string) => remembered(Buffer.from(`c${module}\n${name}\n`));
  const word = (text: string) => remembered(Buffer.of(op("X"), text.length, 0, 0, 0), Buffer.from(text));
  const tuple = (items: readonly number[]) => {
    const [open, close] = items.length <= 3 ? [[], [0x84 + items.length]] : [[op("(")], [op("t")]];
    return remembered(Buffer.from(open), ...items.map(integer), Buffer.from(close));
  };
  return Buffer.concat([
    Buffer.of(0x80, 2),
    named("torch._utils", "_rebuild_tensor_v2"),
    Buffer.from("(("),
    word("storage"),
    named("torch", storage),
    word("0"),
    word("cpu"),
    remembered(integer(count), Buffer.from("t")),
    Buffer.from("Q"),
    integer(0),
    tuple(shape),
    tuple(strides),
    Buffer.of(0x89),
    named("collections", "OrderedDict"),
    remembered(Buffer.from(")R")),
    remembered(Buffer.from("t")),
    remembered(Buffer.from("R")),
    Buffer.from("."),
  ]);
}

const op = (letter: string): number => letter.charCodeAt(0);

function integer(value: number): Buffer {
  if (value < 0x100) return Buffer.of(op("K"), value);
  if (value < 0x10000) return Buffer.of(op("M"), value & 0xff, value >> 8);
  const bytes = Buffer.of(op("J"), 0, 0, 0, 0);
  bytes.writeInt32LE(value, 1);
  return bytes;
}

const ALIGNMENT = 64;

/** A zip as caffe2/serialize/inline_container.cc writes it: sizes behind each record, and the end as zip64 too. */
function storedZip(records: readonly (readonly [name: string, data: Buffer])[]): Buffer {
  const written: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, data] of records) {
    const path = Buffer.from(`archive/${name}`);
    const sums = fields([4, crc32(data)], [4, data.length], [4, data.length]);
    const start = at + 30 + path.length + 4;
    const padding = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    directory.push(
      fields([4, 0x02014b50], [4, 0], [2, 0x0808], [2, 0], [4, 0]),
      sums,
      fields([2, path.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, at]),
      path,
    );
    const record = [
      fields([4, 0x04034b50], [2, 0], [2, 0x0808], [2, 0], [4, 0], [4, 0], [4, 0], [4, 0], [2, path.length]),
      fields([2, padding + 4]),
      path,
      Buffer.from("FB"),
      fields([2, padding]),
      Buffer.alloc(padding, "Z"),
      data,
      fields([4, 0x08074b50]),
      sums,
    ];
    written.push(...record);
    at += record.reduce((sum, { length }) => sum + length, 0);
  }
  const count = records.length;
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = [
    fields([4, 0x06064b50], [8, 44], [2, 0x031e], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, size], [8, at]),
    fields([4, 0x07064b50], [4, 0], [8, at + size], [4, 1]),
    fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, at], [2, 0]),
  ];
  return Buffer.concat([...written, ...directory, ...end]);
}

/** Little-endian numbers of so many bytes. */
function fields(...values: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Buffer {
  const buffer = Buffer.alloc(values.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of values) {
    if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value), at);
    else buffer.writeUIntLE(value, at, bytes);
    at += bytes;
  }
  return buffer;
}
