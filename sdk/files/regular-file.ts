import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

/** Node reads a file into one buffer up to here. */
const MAX_BYTES = 2 ** 31 - 1;
/** Handed over by `regularFileChunks` at a time. */
const CHUNK_BYTES = 64 * 1024;
/** A named pipe that takes a file's place after the look at it must not make `open` wait for somebody who writes. */
const READ_ONLY = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** A path at which something else than a file is; `code` is "EISDIR" or "ENOTREG". */
class NotRegularFile extends Error {
  readonly code: string;

  constructor(path: string, status: Stats) {
    super(`${path} is ${status.isDirectory() ? "a folder" : "a device, pipe or socket"}`);
    this.code = status.isDirectory() ? "EISDIR" : "ENOTREG";
  }
}

/** Tells a file from another one that takes its place or its name: device, inode, size, and time of the last change. */
export const identityOf = ({ dev, ino, size, mtimeMs }: Pick<Stats, "dev" | "ino" | "size" | "mtimeMs">): string =>
  [dev, ino, size, mtimeMs].join(" ");

export interface RegularFile {
  readonly handle: FileHandle;
  readonly status: Stats;
}

/**
 * Opens a file for reading, and nothing else: a pipe would make the caller wait for ever, /dev/zero has no end. The caller closes
 * the handle. Every path that is read goes through here.
 * @throws what the system says, or an error whose `code` is "EISDIR" or "ENOTREG"; `systemReason` has words for each
 */
export async function openRegularFile(path: string): Promise<RegularFile> {
  const before = await stat(path);
  // Looked at before it is opened: to open a device may do something.
  if (!before.isFile()) throw new NotRegularFile(path, before);
  const handle = await open(path, READ_ONLY);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new NotRegularFile(path, status);
    return { handle, status };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The whole of a file. @throws as `openRegularFile`; an error of code "ERR_FS_FILE_TOO_LARGE" past `maxBytes` */
export async function readRegularFile(path: string, maxBytes = MAX_BYTES): Promise<Buffer<ArrayBuffer>> {
  const { handle, status } = await openRegularFile(path);
  try {
    if (status.size > maxBytes) {
      throw Object.assign(new Error(`a file of ${status.size} bytes`), { code: "ERR_FS_FILE_TOO_LARGE" });
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** A file's bytes in pieces. @throws as `openRegularFile` */
export async function* regularFileChunks(path: string): AsyncGenerator<Buffer> {
  const { handle } = await openRegularFile(path);
  // Closes the handle at its end, and where nobody reads on.
  yield* handle.createReadStream({ highWaterMark: CHUNK_BYTES });
}
