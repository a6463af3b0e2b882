import { crc32 } from "node:zlib";
import { expected, expectedBut, present } from "../../errors.ts";
import { replaceFile } from "../../files/replace-file.ts";
import { byteLength, type Dtype, dtypeNames, dtypeRank, isDtype } from "../dtypes.ts";
import { CHECKSUMS, checksumText, startOfChecksum } from "./checksums.ts";

export interface TensorLayout {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export interface TensorToWrite extends TensorLayout {
  /** The elements, row-major and little-endian, in any view: a Uint16Array of bits for F16 and BF16, say. */
  readonly data: ArrayBufferView;
}

/** Writes a tensor's data, whole or in pieces that follow each other. */
export type WriteTensor = (name: string, data: ArrayBufferView | AsyncIterable<ArrayBufferView>) => Promise<void>;

/** Where a tensor's data goes: bytes from the end of the header. */
interface Place extends TensorLayout {
  readonly begin: number;
  readonly end: number;
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
  const places = layOut(tensors);
  for (const { name, data } of tensors) requireLength(present(places.get(name), name), data.byteLength);
  await streamSafetensors(path, tensors, metadata, async (write) => {
    for (const { name, data } of tensors) await write(name, data);
  });
}

/**
 * The same for tensors that need not be in memory together: `fill` writes each one of `layout` once, in any order.
 *
 * @param checksums whether the metadata gets a checksum of each tensor, which `openChecked` compares: for caches
 * @throws as `writeSafetensors`, also for a tensor that `fill` leaves out; and what `fill` throws, as it is
 */
export async function streamSafetensors(
  path: string,
  layout: readonly TensorLayout[],
  metadata: Readonly<Record<string, string>>,
  fill: (write: WriteTensor) => Promise<void>,
  { checksums = false }: { readonly checksums?: boolean } = {},
): Promise<void> {
  const places = layOut(layout);
  const sums = new Map([...places].map(([name, place]) => [name, startOfChecksum(place)]));
  // As long without the sums as with them, which are known at the end alone.
  const start = header(
    places.values(),
    checksums ? { ...metadata, [CHECKSUMS]: checksumText(sums.values()) } : metadata,
  );
  await replaceFile(path, async (file) => {
    await file.write(start, 0);
    const missing = new Map(places);
    await fill(async (name, data) => {
      const place = missing.get(name);
      if (!place) throw expected("INVALID_ARGUMENT", "a tensor that is still to be written", "its name", name);
      missing.delete(name);
      if (ArrayBuffer.isView(data)) requireLength(place, data.byteLength);
      let done = 0;
      for await (const piece of ArrayBuffer.isView(data) ? [data] : data) {
        if (done + piece.byteLength > place.end - place.begin) requireLength(place, done + piece.byteLength);
        await file.write(piece, start.length + place.begin + done);
        if (checksums) sums.set(name, crc32(bytesOf(piece), sums.get(name)));
        done += piece.byteLength;
      }
      requireLength(place, done);
    });
    const [forgotten] = missing.keys();
    if (forgotten !== undefined) throw expectedBut("INVALID_ARGUMENT", "data", `tensor ${forgotten}`, "none");
    if (checksums)
      await file.write(header(places.values(), { ...metadata, [CHECKSUMS]: checksumText(sums.values()) }), 0);
  });
}

/** The length as u64, then JSON. Built as text: an object would move names such as "0" to the front. */
function header(places: Iterable<Place>, metadata: Readonly<Record<string, string>>): Buffer {
  const fields = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  for (const { name, dtype, shape, begin, end } of places) {
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const json = Buffer.from(`{${fields.join(",")}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded));
  json.copy(bytes, 8);
  return bytes;
}

/** The tensors by name, in the order of the file. */
function layOut(layout: readonly TensorLayout[]): Map<string, Place> {
  const names = new Set(["__metadata__"]);
  for (const { name, dtype } of layout) {
    if (names.has(name)) throw expected("INVALID_ARGUMENT", "a name of its own", "a tensor", name);
    names.add(name);
    if (!isDtype(dtype)) {
      throw expected("INVALID_ARGUMENT", `one of ${dtypeNames.join(", ")}`, `dtype of tensor ${name}`, dtype);
    }
  }
  const ordered = layout.toSorted(
    (a, b) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
  let begin = 0;
  const places = new Map<string, Place>();
  for (const { name, dtype, shape } of ordered) {
    const countable = shape.every((n) => Number.isSafeInteger(n) && n >= 0);
    const length = countable ? byteLength(dtype, shape) : Number.NaN;
    if (Number.isNaN(length)) {
      throw expected("INVALID_ARGUMENT", "a countable shape", `tensor ${name} (${dtype})`, shape);
    }
    places.set(name, { name, dtype, shape, begin, end: begin + length });
    begin += length;
  }
  return places;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

function requireLength({ name, dtype, shape, begin, end }: Place, bytes: number): void {
  if (bytes === end - begin) return;
  const subject = `tensor ${name} (${dtype} [${shape.join(", ")}])`;
  throw expectedBut("INVALID_ARGUMENT", `${end - begin} bytes`, subject, `${bytes}`);
}
