import { openFile, readExactly } from "../files/read-file.ts";
import { widenBF16, widenF16 } from "./half.ts";
import type { TensorRef, WeightDtype } from "./tensor-ref.ts";

const decoders: Record<WeightDtype, (data: ArrayBuffer) => Float32Array> = {
  F32: (data) => new Float32Array(data),
  F16: (data) => widenF16(new Uint16Array(data)),
  BF16: (data) => widenBF16(new Uint16Array(data)),
};

/**
 * Reads a weight: `ref.shape` elements, row-major, F16 and BF16 widened.
 *
 * @throws CHECKPOINT_NOT_FOUND where the file has gone, INVALID_CHECKPOINT where another file is in its place
 */
export async function readTensor(ref: TensorRef): Promise<Float32Array> {
  const opened = await openFile(ref.file, ref.identity);
  try {
    const bytes = await readExactly(opened, ref.offset, ref.length);
    return decoders[ref.dtype](bytes.buffer);
  } finally {
    await opened.handle.close();
  }
}
