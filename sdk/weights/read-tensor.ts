import { openFile, readExactly } from "../files/read-file.ts";
import { decodeGgufTensor } from "./gguf/tensor-data.ts";
import type { TensorRef } from "./tensor-ref.ts";

/**
 * Reads a weight: `ref.shape` elements, row-major, F16, BF16 and blocks of bytes brought to float32.
 *
 * @throws CHECKPOINT_NOT_FOUND where the file has gone, INVALID_CHECKPOINT where another file is in its place
 */
export async function readTensor(ref: TensorRef): Promise<Float32Array> {
  const opened = await openFile(ref.file, ref.identity);
  try {
    const bytes = await readExactly(opened, ref.offset, ref.length);
    return decodeGgufTensor(ref.dtype, bytes, `tensor ${ref.name} of ${ref.file}`);
  } finally {
    await opened.handle.close();
  }
}
