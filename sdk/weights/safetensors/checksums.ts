import { crc32 } from "node:zlib";
import { openFile, readExactly } from "../../files/read-file.ts";
import { openSafetensors, type SafetensorsFile } from "./open-safetensors.ts";
import type { StoredTensor } from "./safetensors-header.ts";

/** The metadata field that holds them: eight hexadecimal digits for each tensor, in the order of the file. */
export const CHECKSUMS = "crc32";

const CHUNK_BYTES = 4 * 1024 * 1024;

/** The sum of a tensor's description, to which its data is added: a tensor that changed its name or shape differs too. */
export const startOfChecksum = ({ name, dtype, shape }: Pick<StoredTensor, "name" | "dtype" | "shape">): number =>
  crc32(JSON.stringify([name, dtype, shape]));

export const checksumText = (sums: Iterable<number>): string =>
  [...sums].map((sum) => sum.toString(16).padStart(8, "0")).join("");

/**
 * Opens a file that `streamSafetensors` wrote with checksums, and reads all of its data to compare them: at 5 GiB/s, which is as long as
 * a session takes to open. `noteChecked` saves it where nothing has touched the file since.
 *
 * @returns null where a sum is missing or differs: a bit flipped on the disk, or somebody wrote into the file
 * @throws as `openSafetensors`
 */
export async function openChecked(path: string): Promise<SafetensorsFile | null> {
  const file = await openSafetensors(path);
  const sums: number[] = [];
  const opened = await openFile(file.file);
  try {
    for (const tensor of [...file.tensors.values()].sort((a, b) => a.offset - b.offset)) {
      let sum = startOfChecksum(tensor);
      for (let done = 0; done < tensor.length; done += CHUNK_BYTES) {
        const length = Math.min(CHUNK_BYTES, tensor.length - done);
        sum = crc32(await readExactly(opened, tensor.offset + done, length), sum);
      }
      sums.push(sum);
    }
  } finally {
    await opened.handle.close();
  }
  return file.metadata[CHECKSUMS] === checksumText(sums) ? file : null;
}
