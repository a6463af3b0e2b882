import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { expected, words } from "../errors.ts";
import { byteLength, type Dtype, dtypeNames, dtypeRank, isDtype } from "./dtypes.ts";

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The elements, row-major and little-endian, in any view: a Uint16Array of bits for F16 and BF16, say. */
  readonly data: ArrayBufferView;
}

/**
 * Writes a safetensors file, byte for byte as the reference library does: the widest dtype first, then by name, the
 * header padded with spaces to a multiple of 8. A reader of `path` sees the old file or the whole new one.
 *
 * @throws INVALID_ARGUMENT for a name used twice, data that is not as long as dtype and shape say, or an unwritable path
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  validate(tensors);
  const ordered = tensors.toSorted(
    (a, b) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  const target = resolve(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(header(ordered, metadata));
      for (const { data } of ordered) {
        await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw expected("INVALID_ARGUMENT", "a writable path", "path", words(`${path}: ${(cause as Error).message}`), {
      cause,
    });
  }
}

/** The length as u64, then JSON. Built as text: an object would move names such as "0" to the front. */
function header(ordered: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Buffer {
  const fields = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  let begin = 0;
  for (const { name, dtype, shape, data } of ordered) {
    const end = begin + data.byteLength;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
    begin = end;
  }
  const json = Buffer.from(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, 8);
  return bytes;
}

function validate(tensors: readonly TensorToWrite[]): void {
  const names = new Set(["__metadata__"]);
  for (const { name, dtype, shape, data } of tensors) {
    if (names.has(name)) throw expected("INVALID_ARGUMENT", "a name of its own", "a tensor", name);
    names.add(name);
    if (!isDtype(dtype)) {
      throw expected("INVALID_ARGUMENT", `one of ${dtypeNames.join(", ")}`, `dtype of tensor ${name}`, dtype);
    }
    const needed = shape.every((n) => Number.isSafeInteger(n) && n >= 0) ? byteLength(dtype, shape) : Number.NaN;
    if (needed !== data.byteLength) {
      const what = Number.isNaN(needed) ? "a countable shape" : `${needed} bytes`;
      throw expected("INVALID_ARGUMENT", what, `tensor ${name} (${dtype} [${shape.join(", ")}])`, data);
    }
  }
}
