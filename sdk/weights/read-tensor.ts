import { openFile, readExactly } from "../files/read-file.ts";
import { isStridedWeight, isWeightDtype } from "./dtypes.ts";
import { decodeGgufTensor } from "./gguf/tensor-data.ts";
import { blockSize, tensorBytes } from "./gguf/tensor-types.ts";
import type { TensorRef } from "./tensor-ref.ts";
import { gather, numbersOf } from "./torch-zip/strides.ts";

/** Read at once by `floatPieces`. */
const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a weight: `ref.shape` elements, row-major, F16, BF16, blocks of bytes and views with strides brought to float32.
 *
 * @throws CHECKPOINT_NOT_FOUND where the file has gone, INVALID_CHECKPOINT where another file is in its place
 */
export async function readTensor(ref: TensorRef): Promise<Float32Array> {
  const opened = await openFile(ref.file, ref.identity);
  try {
    const bytes = await readExactly(opened, ref.offset, ref.length);
    const subject = `tensor ${ref.name} of ${ref.file}`;
    const { dtype } = ref;
    if (isStridedWeight(dtype)) return gather(ref, decodeGgufTensor(numbersOf(dtype), bytes, subject));
    return decodeGgufTensor(dtype, bytes, subject);
  } finally {
    await opened.handle.close();
  }
}

/**
 * The same numbers in pieces, one in memory at a time; a view with strides is one piece.
 * @throws as `readTensor`
 */
export async function* floatPieces(ref: TensorRef): AsyncGenerator<Float32Array> {
  const { dtype, offset, length } = ref;
  if (isStridedWeight(dtype)) return yield await readTensor(ref);
  const block = isWeightDtype(dtype) ? 4 : tensorBytes(dtype, [blockSize(dtype)]);
  const piece = Math.floor(PIECE_BYTES / block) * block;
  const opened = await openFile(ref.file, ref.identity);
  try {
    for (let done = 0; done < length; done += piece) {
      const bytes = await readExactly(opened, offset + done, Math.min(piece, length - done));
      yield decodeGgufTensor(dtype, bytes, `tensor ${ref.name} of ${ref.file}`);
    }
  } finally {
    await opened.handle.close();
  }
}
