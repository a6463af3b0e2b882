import { readdir } from "node:fs/promises";
import { VqraeError } from "../../../../sdk/index.ts";
import { expectedBut, readRegularFile, regularFileChunks, systemCode, systemReason } from "../../../../sdk/kit.ts";

/**
 * Does `work`, which reads the file or folder `path`.
 * @param what was expected to be there, for messages
 * @throws INVALID_DATA if nothing is there, IO_ERROR if the system refuses; both with `path`
 */
export async function reading<T>(what: string, path: string, work: () => Promise<T>, mend?: string): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cannotRead(what, path, cause, mend);
  }
}

/** The text of a file in UTF-8, piece by piece. @throws INVALID_DATA, IO_ERROR as `reading` does */
export async function* fileText(path: string): AsyncGenerator<string> {
  try {
    const decoder = new TextDecoder();
    for await (const piece of regularFileChunks(path)) yield decoder.decode(piece, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    throw cannotRead("a readable file", path, cause);
  }
}

/** The error for a file or folder that could not be read. */
export function cannotRead(what: string, path: string, cause: unknown, mend?: string): VqraeError {
  if (VqraeError.isInstance(cause)) return cause;
  const missing = ["ENOENT", "ENOTDIR"].includes(systemCode(cause));
  return expectedBut(missing ? "INVALID_DATA" : "IO_ERROR", what, path, systemReason(cause), { mend, path, cause });
}

/** A whole file of text in UTF-8. @throws INVALID_DATA if there is none, IO_ERROR if the system refuses */
export const readText = (path: string): Promise<string> =>
  reading("a readable file", path, async () => (await readRegularFile(path)).toString("utf8"));

/**
 * Paths in a folder, relative to it and sorted; with `recursive`, in its folders too.
 * @throws INVALID_DATA if there is none, IO_ERROR if the system refuses
 */
export const listFolder = async (path: string, { recursive = false } = {}): Promise<string[]> =>
  (await reading("a readable folder", path, () => readdir(path, { recursive }))).sort();
