import { expectedBut } from "../../errors.ts";
import { openFile, readExactly } from "../../files/read-file.ts";
import { parseHeader, type SafetensorsHeader } from "./safetensors-header.ts";

/** As many tensors as a file may have here, with names of a thousand characters. The reference library's limit is 100 MB. */
const MAX_HEADER_BYTES = 32 * 1024 * 1024;

/** The header starts after its own length, a little-endian u64. */
const LENGTH_BYTES = 8;

export interface SafetensorsFile extends SafetensorsHeader {
  /** Absolute path, symbolic links resolved. */
  readonly file: string;
}

/**
 * Reads and validates the header of a safetensors file, never its data.
 *
 * @throws CHECKPOINT_NOT_FOUND for a missing or unreadable file, INVALID_CHECKPOINT for a header that lies
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const opened = await openFile(path);
  const { handle, file, size, identity } = opened;
  try {
    if (size < LENGTH_BYTES) throw tooShort(`at least ${LENGTH_BYTES} bytes`, file, size);
    const start = await readExactly(opened, 0, LENGTH_BYTES);
    const headerLength = new DataView(start.buffer).getBigUint64(0, true);
    if (headerLength > MAX_HEADER_BYTES) throw tooLong(file, headerLength, start);
    const dataStart = LENGTH_BYTES + Number(headerLength);
    if (dataStart > size) throw tooShort(`at least ${dataStart} bytes, as its header says,`, file, size);
    const header = await readExactly(opened, LENGTH_BYTES, Number(headerLength));
    const { metadata, tensors } = await parseHeader(header, file, dataStart, size - dataStart);
    return { file, metadata, tensors: new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, identity }])) };
  } finally {
    await handle.close();
  }
}

const tooShort = (what: string, file: string, size: number) =>
  expectedBut(
    "INVALID_CHECKPOINT",
    what,
    file,
    `a file of ${size} bytes`,
    "It is no safetensors file, or its download was cut short.",
  );

function tooLong(file: string, length: bigint, start: Uint8Array) {
  const isPointer = new TextDecoder().decode(start) === "version ";
  const mend = isPointer
    ? "It looks like a Git LFS pointer: run `git lfs pull` in its folder."
    : "It is no safetensors file.";
  const received = `${length} bytes`;
  return expectedBut(
    "INVALID_CHECKPOINT",
    `at most ${MAX_HEADER_BYTES} bytes`,
    `the header of ${file}`,
    received,
    mend,
  );
}
