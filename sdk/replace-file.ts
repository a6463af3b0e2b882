import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { expected, words } from "./errors.ts";

/** libuv writes at most 2 GiB - 1 at once. */
const MAX_WRITE_BYTES = 1024 * 1024 * 1024;

export interface NewFile {
  /** Writes all of `data` at `position`, in bytes from the file's start; what is never written stays zero. */
  write(data: ArrayBufferView, position: number): Promise<void>;
}

/**
 * Writes a file beside `path`, syncs it to the disk and renames it to `path`, so that a reader of `path` sees the old
 * file or the whole new one. Where `fill` throws, nothing is left; a killed process leaves the old file as it was, and a
 * temporary one beside it.
 *
 * @throws INVALID_ARGUMENT where the disk refuses; and what `fill` throws, as it is
 */
export async function replaceFile(path: string, fill: (file: NewFile) => Promise<void>): Promise<void> {
  const target = resolve(path);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const file = await onDisk(path, () => open(temporary, "wx"));
    try {
      await fill({
        write: ({ buffer, byteOffset, byteLength }, position) =>
          onDisk(path, async () => {
            for (let done = 0; done < byteLength; ) {
              const bytes = new Uint8Array(buffer, byteOffset + done, Math.min(byteLength - done, MAX_WRITE_BYTES));
              done += (await file.write(bytes, 0, bytes.length, position + done)).bytesWritten;
            }
          }),
      });
      await onDisk(path, () => file.sync());
    } finally {
      await file.close();
    }
    await onDisk(path, () => rename(temporary, target));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw expected("INVALID_ARGUMENT", "a writable path", "path", words(`${path}: ${(cause as Error).message}`), {
      cause,
    });
  }
}
