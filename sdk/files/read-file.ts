import { type FileHandle, realpath, stat } from "node:fs/promises";
import { expected, expectedBut, VqraeError, type VqraeErrorCode } from "../errors.ts";
import { jsonStructure, type StructureLimits } from "./json-structure.ts";
import { identityOf, openRegularFile, readRegularFile } from "./regular-file.ts";

/** A config is a few kB, an index about 100 bytes a tensor; the worst JSON of this size still fits the heap. */
const MAX_JSON_BYTES = 32 * 1024 * 1024;
/** A tokenizer.json with 300,000 words has each as a key, and each pair of their merges as an array. */
const JSON_LIMITS: StructureLimits = { brackets: 1_500_000, depth: 200, keys: 1_500_000, text: MAX_JSON_BYTES };

/** libuv reads at most 2 GiB - 1 at once. */
const MAX_READ_BYTES = 1024 * 1024 * 1024;

export interface OpenFile {
  readonly handle: FileHandle;
  /** Absolute, symbolic links resolved: hub caches keep links to blobs. */
  readonly file: string;
  readonly size: number;
  /** What tells this file from another one that takes its place. */
  readonly identity: string;
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}

/**
 * Opens a regular file for reading; the caller closes the handle.
 * @param identity of the file that is meant, as it was when its header was read
 * @throws CHECKPOINT_NOT_FOUND; INVALID_CHECKPOINT where another one is in its place
 */
export async function openFile(path: string, identity?: string): Promise<OpenFile> {
  try {
    const file = await realpath(path);
    const { handle, status } = await openRegularFile(file);
    const own = identityOf(status);
    if (identity === undefined || identity === own) return { handle, file, size: status.size, identity: own };
    await handle.close();
    throw replaced(path);
  } catch (error) {
    if (VqraeError.isInstance(error)) throw error;
    throw notFound(path, systemReason(error), error);
  }
}

/**
 * Checks that a file is the one whose header was read.
 * @throws INVALID_CHECKPOINT where another one is in its place, or none
 */
export async function requireSameFile(file: string, identity: string): Promise<void> {
  const status = await stat(file).catch(() => null);
  if (status === null || identityOf(status) !== identity) throw replaced(file);
}

const replaced = (path: string): VqraeError =>
  expectedBut("INVALID_CHECKPOINT", "the file that was loaded", path, "another one, or none, in its place", {
    mend: "Load it again: weights of two files must not mix.",
    path,
  });

/** Reads exactly `length` bytes at `offset`. @throws `code` where the file ends early; IO_ERROR where the system refuses */
export async function readExactly(
  { handle, file }: OpenFile,
  offset: number,
  length: number,
  code: VqraeErrorCode = "INVALID_CHECKPOINT",
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const most = Math.min(length - done, MAX_READ_BYTES);
    const { bytesRead } = await handle.read(bytes, done, most, offset + done).catch((cause: unknown) => {
      throw expectedBut("IO_ERROR", "a file that the system can read", file, systemReason(cause), {
        path: file,
        cause,
      });
    });
    if (bytesRead === 0) {
      throw expectedBut(code, `${length} bytes at ${offset}`, file, `a file that ends after ${done}`);
    }
    done += bytesRead;
  }
  return bytes;
}

/** The object in a JSON file; `code` where it is no JSON object, or one that holds a key twice. */
export async function readJsonObject(path: string, code: VqraeErrorCode): Promise<Record<string, unknown>> {
  let bytes: Uint8Array;
  try {
    bytes = await readRegularFile(path, MAX_JSON_BYTES);
  } catch (error) {
    if (!isTooLarge(error)) throw notFound(path, systemReason(error), error);
    throw expectedBut(code, `at most ${MAX_JSON_BYTES} bytes`, path, error.message, { cause: error });
  }
  const { within, duplicate } = await jsonStructure(bytes, JSON_LIMITS);
  if (!within) throw expectedBut(code, "JSON of a config's size", path, "more fields or deeper nesting");
  let value: unknown;
  try {
    // A byte order mark is no JSON: Python's json refuses it too.
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw expectedBut(code, "JSON in UTF-8", path, systemReason(cause), { cause });
  }
  if (!isObject(value)) throw expected(code, "a JSON object", path, value);
  if (duplicate !== null) throw expectedBut(code, "each key once", path, `${JSON.stringify(duplicate)} twice`);
  return value;
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function notFound(path: string, received: string, cause?: unknown): VqraeError {
  return expectedBut("CHECKPOINT_NOT_FOUND", "a readable file", path, received, { cause });
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: "nothing there",
  ENOTDIR: "nothing there, since a part of its path is a file and no folder",
  EISDIR: "a folder",
  EACCES: "a file that may not be read",
  ENOTREG: "a device, pipe or socket",
  ELOOP: "a link that leads to itself",
  ENAMETOOLONG: "a name that is too long for the system",
};

/** Whether `readRegularFile` refused a file for its size, which the message says. */
export const isTooLarge = (error: unknown): error is Error => systemCode(error) === "ERR_FS_FILE_TOO_LARGE";

/** The code of a system error, such as "ENOENT"; empty for another thrown value. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

/** What a system error means, in words; of another thrown value its message. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code && MEANINGS[code]) || message;
}
