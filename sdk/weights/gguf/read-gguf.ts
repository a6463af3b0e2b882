import { setImmediate } from "node:timers/promises";
import { openFile, readExactly } from "../../files/read-file.ts";
import { OutOfBytes } from "./cursor.ts";
import { type GgufFile, type GgufHeader, invalidGguf } from "./gguf-file.ts";
import { MAX_HEADER_BYTES } from "./limits.ts";
import { parseHeader } from "./parse-header.ts";

/** Read first; holds the header of most files that have no vocabulary. */
const FIRST_BYTES = 1024 * 1024;
/** Each further attempt reads this many times as much. */
const GROWTH = 4;
/** A vocabulary of 152,000 words with its merges takes half a second: other work goes on meanwhile. */
const BUSY_MS = 10;

/**
 * Reads and validates the header of a GGUF file (version 2 or 3, little-endian), never its tensors' data.
 *
 * @throws CHECKPOINT_NOT_FOUND for a missing or unreadable file; INVALID_GGUF for one that is truncated or lies: counts
 *   and lengths beyond the limits or the file, unknown types, tensors that overlap or end past the end, repeated names
 */
export async function readGguf(path: string): Promise<GgufFile> {
  const opened = await openFile(path);
  const { file, size, identity } = opened;
  const limit = Math.min(size, MAX_HEADER_BYTES);
  try {
    for (let length = Math.min(FIRST_BYTES, limit); ; length = Math.min(length * GROWTH, limit)) {
      const header = await tryParse(await readExactly(opened, 0, length, "INVALID_GGUF"), size, file);
      if (header) return { file, identity, ...header };
      if (length === size) throw tooShort(file, size);
      if (length === limit) throw invalidGguf(`a header of at most ${limit} bytes`, file, "a longer one");
    }
  } finally {
    await opened.handle.close();
  }
}

async function tryParse(bytes: Uint8Array, size: number, file: string): Promise<GgufHeader | null> {
  try {
    const steps = parseHeader(bytes, size, file);
    for (let end = performance.now() + BUSY_MS; ; ) {
      const step = steps.next();
      if (step.done) return step.value;
      if (performance.now() < end) continue;
      await setImmediate();
      end = performance.now() + BUSY_MS;
    }
  } catch (error) {
    if (error instanceof OutOfBytes) return null;
    throw error;
  }
}

const tooShort = (file: string, size: number) =>
  invalidGguf(
    "a whole GGUF header",
    file,
    `a file of ${size} bytes that ends inside it`,
    "It is no GGUF file, or its download was cut short.",
  );
