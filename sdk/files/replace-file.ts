import { type FileHandle, link, lstat, open, realpath, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { expectedBut, VqraeError } from "../errors.ts";
import { systemCode } from "./read-file.ts";
import { temporaryBeside } from "./temporary-file.ts";

/** libuv writes at most 2 GiB - 1 at once. */
const MAX_WRITE_BYTES = 1024 * 1024 * 1024;

export interface NewFile {
  /** Writes all of `data` at `position`, in bytes from the file's start; what is never written stays zero. */
  write(data: ArrayBufferView, position: number): Promise<void>;
}

/**
 * Writes a file beside `path`, syncs it to the disk and renames it to `path`, so that a reader of `path` sees the old
 * file or the whole new one. Where `fill` throws, nothing is left; a killed process leaves the old file as it was, and a
 * temporary one beside it, which the next writer removes. Through a symbolic link the file that it leads to is written.
 *
 * @throws IO_ERROR where the system refuses, and for a device, pipe or socket, which the file would take the place of; and what
 * `fill` throws, as it is
 */
export async function replaceFile(path: string, fill: (file: NewFile) => Promise<void>): Promise<void> {
  await makeFile(path, await targetOf(path), fill, rename);
}

async function targetOf(path: string): Promise<string> {
  const status = await lstat(path).catch(() => null);
  // A link that leads nowhere is replaced itself.
  if (status?.isSymbolicLink()) return realpath(path).then(targetOf, () => resolve(path));
  if (status === null || status.isFile() || status.isDirectory()) return resolve(path);
  const received = `${path}: a device, pipe or socket`;
  const mend = "Give the path of a file: what is written takes its place as a whole.";
  throw expectedBut("IO_ERROR", "a path that the system can write", "path", received, { mend, path });
}

/**
 * Writes a file as `replaceFile` does, but only where nothing has its name: of several writers, in any process, one makes it.
 * @returns whether this call made it; where it did not, the file that is there is left as it is
 * @throws IO_ERROR where the system refuses, also where its disk has no hard links; and what `fill` throws, as it is
 */
export async function createFile(path: string, fill: (file: NewFile) => Promise<void>): Promise<boolean> {
  let made = true;
  await makeFile(path, resolve(path), fill, async (temporary, target) => {
    // A hard link fails where the name is taken, and is there at once with the whole file behind it.
    await link(temporary, target).catch((error: unknown) => {
      if (systemCode(error) !== "EEXIST") throw error;
      made = false;
    });
    await rm(temporary, { force: true });
  });
  return made;
}

async function makeFile(
  path: string,
  target: string,
  fill: (file: NewFile) => Promise<void>,
  name: (temporary: string, target: string) => Promise<void>,
): Promise<void> {
  const temporary = await temporaryBeside(target);
  try {
    const file = await onDisk(path, () => open(temporary, "wx"));
    try {
      await fill({
        write: (data, position) => onDisk(path, () => writeAll(file, data, position)),
      });
      await onDisk(path, () => file.sync());
    } finally {
      await file.close();
    }
    await onDisk(path, () => name(temporary, target));
  } catch (error) {
    // The error that counts is the first one.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Writes a whole file as `replaceFile` does: bytes, or texts one after the other in UTF-8.
 * @throws IO_ERROR where the system refuses
 */
export async function writeWhole(path: string, data: ArrayBufferView | string | Iterable<string>): Promise<void> {
  await replaceFile(path, async (file) => {
    let position = 0;
    for (const piece of ArrayBuffer.isView(data) || typeof data === "string" ? [data] : data) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
      await file.write(bytes, position);
      position += bytes.byteLength;
    }
  });
}

/** Writes all of `data` at `position`, in bytes from the file's start: one call may write a part. @throws what the system throws */
export async function writeAll(
  file: FileHandle,
  { buffer, byteOffset, byteLength }: ArrayBufferView,
  position: number,
): Promise<void> {
  for (let done = 0; done < byteLength; ) {
    const bytes = new Uint8Array(buffer, byteOffset + done, Math.min(byteLength - done, MAX_WRITE_BYTES));
    done += (await file.write(bytes, 0, bytes.length, position + done)).bytesWritten;
  }
}

/** Does `work` on the file or folder `path`. @throws IO_ERROR where the system refuses */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw VqraeError.isInstance(cause) ? cause : ioError(path, cause);
  }
}

/** System calls that change nothing. */
const READS: ReadonlySet<string> = new Set(["stat", "lstat", "scandir", "opendir", "statfs", "read"]);

/** The error for a system call on `path` that failed. */
export function ioError(path: string, cause: unknown): VqraeError {
  const received = `${path}: ${cause instanceof Error ? cause.message : String(cause)}`;
  const mend =
    systemCode(cause) === "ENOSPC" ? "The disk is full: free some space, or write to another one." : undefined;
  const call = cause instanceof Error && "syscall" in cause ? String(cause.syscall) : "";
  const what = READS.has(call) ? "a path that the system can read" : "a path that the system can write";
  return expectedBut("IO_ERROR", what, "path", received, { mend, path, cause });
}
