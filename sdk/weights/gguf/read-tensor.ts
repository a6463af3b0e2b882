import { expected } from "../../errors.ts";
import { type OpenFile, openFile, readExactly } from "../../files/read-file.ts";
import type { GgufFile, GgufTensor } from "./gguf-file.ts";
import { decodeGgufTensor } from "./tensor-data.ts";
import { tensorBytes } from "./tensor-types.ts";

/**
 * A tensor's bytes, as they are stored.
 * @throws INVALID_ARGUMENT for a name that the file does not have; INVALID_GGUF where the file has become shorter
 */
export async function readGgufTensorBytes(gguf: GgufFile, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const { offset, length } = tensorOf(gguf, name);
  const opened = await openFile(gguf.file, gguf.identity);
  try {
    return await readExactly(opened, offset, length, "INVALID_GGUF");
  } finally {
    await opened.handle.close();
  }
}

/** Read at once by `readGgufTensorPieces`, at most. */
const PIECE_BYTES = 16 * 1024 * 1024;

/**
 * The same in pieces, for tensors that need not be in memory whole; each one has whole rows, where a row is no longer
 * than a piece.
 */
export async function* readGgufTensorPieces(gguf: GgufFile, name: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { offset, length, shape } = tensorOf(gguf, name);
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const rowBytes = length / Math.max(rows, 1);
  const piece = rowBytes > PIECE_BYTES || rowBytes === 0 ? PIECE_BYTES : Math.floor(PIECE_BYTES / rowBytes) * rowBytes;
  const opened = await openFile(gguf.file, gguf.identity);
  try {
    for (let done = 0; done < length; done += piece) {
      yield await readExactly(opened, offset + done, Math.min(piece, length - done), "INVALID_GGUF");
    }
  } finally {
    await opened.handle.close();
  }
}

/**
 * A tensor's elements as floats, row-major; F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K.
 * @throws as `readGgufTensorBytes`; UNSUPPORTED for another type
 */
export async function readGgufTensor(gguf: GgufFile, name: string): Promise<Float32Array> {
  const { type } = tensorOf(gguf, name);
  return decodeGgufTensor(type, await readGgufTensorBytes(gguf, name), `tensor ${name} of ${gguf.file}`);
}

/**
 * Single rows of a matrix as floats, by their numbers, none of the others read; types as for `readGgufTensor`.
 * @throws INVALID_GGUF where the file has become shorter; UNSUPPORTED for another type
 */
export async function readGgufTensorRows(
  opened: OpenFile,
  { name, type, shape, offset }: GgufTensor,
  rows: readonly number[],
): Promise<Map<number, Float32Array>> {
  const bytes = tensorBytes(type, shape.slice(-1));
  const read = rows.map(async (row) => {
    const stored = await readExactly(opened, offset + row * bytes, bytes, "INVALID_GGUF");
    return [row, decodeGgufTensor(type, stored, `tensor ${name} of ${opened.file}`)] as const;
  });
  return new Map(await Promise.all(read));
}

function tensorOf(gguf: GgufFile, name: string): GgufTensor {
  const tensor = gguf.tensors.get(name);
  if (!tensor) throw expected("INVALID_ARGUMENT", "a tensor that the file has", gguf.file, name);
  return tensor;
}
