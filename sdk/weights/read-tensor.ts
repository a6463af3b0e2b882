import { openFile, readExactly } from "../files/read-file.ts";
import { isStridedWeight } from "./dtypes.ts";
import { decodeGgufTensor } from "./gguf/tensor-data.ts";
import type { TensorRef } from "./tensor-ref.ts";
import { gather, numbersOf } from "./torch-zip/strides.ts";

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
