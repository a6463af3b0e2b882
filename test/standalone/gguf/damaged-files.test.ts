import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeHeader } from "../../../adapters/gguf/encode-header.ts";
import { type GgufValue, readGguf } from "../../../adapters/gguf/index.ts";
import { VqraeError } from "../../../sdk/errors.ts";
import { MAX_ARRAY_ELEMENTS, MAX_KEYS, MAX_STRING_BYTES, MAX_TENSORS } from "../../../sdk/weights/gguf/limits.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";

const golden = fileURLToPath(new URL("../../golden/gguf/python.gguf", import.meta.url));

/** A header of exactly these parts: numbers are uint32, bigints uint64, texts have their length before them. */
function headerOf(...parts: (number | bigint | string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (part instanceof Uint8Array) return part;
      if (typeof part === "string")
        return Buffer.concat([headerOf(BigInt(Buffer.byteLength(part))), Buffer.from(part)]);
      const bytes = Buffer.alloc(typeof part === "number" ? 4 : 8);
      if (typeof part === "number") bytes.writeUInt32LE(part);
      else bytes.writeBigUInt64LE(part);
      return bytes;
    }),
  );
}
const MAGIC = Buffer.from("GGUF");
const keys = (count: bigint, ...rest: Parameters<typeof headerOf>) => headerOf(MAGIC, 3, 0n, count, ...rest);
const room = Buffer.alloc(64);
/** Tensors of F32 [4], at these offsets, before 64 bytes of data. */
const tensorsAt = (...offsets: bigint[]) => {
  const tensors = offsets.flatMap((offset, i) => [`t${i}`, 1, 4n, 0, offset]);
  const header = headerOf(MAGIC, 3, BigInt(offsets.length), 0n, ...tensors);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), room]);
};
const oneTensor = (...description: Parameters<typeof headerOf>) => headerOf(MAGIC, 3, 1n, 0n, ...description, room);
const nest = (depth: number): GgufValue =>
  ({ type: "array", of: "array", value: depth > 1 ? [nest(depth - 1)] : [] }) as GgufValue;

const damaged: Record<string, [bytes: Uint8Array, message: RegExp]> = {
  "an empty file": [Buffer.alloc(0), /a file of 0 bytes that ends inside it/],
  "another format": [
    Buffer.from("version https://git-lfs"),
    /"GGUF" for the first bytes .* a Git LFS pointer. Run `git lfs pull`/,
  ],
  "a page": [Buffer.from("<!DOCTYPE html><html></html>"), /"GGUF" for the first bytes .* a web page. Download/],
  "version 1": [headerOf(MAGIC, 1, 0, 0), /version 2 or 3 .* received 1/],
  "version 4": [headerOf(MAGIC, 4, 0n, 0n), /version 2 or 3 .* received 4/],
  "a big-endian file": [headerOf(MAGIC, 0x0300_0000, 0n, 0n), /little-endian numbers .* a big-endian GGUF file/],
  "too many tensors": [headerOf(MAGIC, 3, 2n ** 63n, 0n), new RegExp(`at most ${MAX_TENSORS} .* 9223372036854775808`)],
  "more tensors than bytes": [headerOf(MAGIC, 3, 9n, 0n, room), /a count that the file can hold for the tensors .* 9,/],
  "too many keys": [keys(2n ** 40n), new RegExp(`at most ${MAX_KEYS} for the keys`)],
  "more keys than bytes": [keys(100n, room), /a count that the file can hold for the keys/],
  "a long string": [keys(1n, "k", 8, 2n ** 60n, room), new RegExp(`at most ${MAX_STRING_BYTES} for the bytes of k`)],
  "a string past the end": [keys(1n, "k", 8, 1000n, room), /received 1000, which take more than the 64 bytes/],
  "a long array": [keys(1n, "k", 9, 0, 2n ** 50n, room), new RegExp(`at most ${MAX_ARRAY_ELEMENTS} for the elements`)],
  "an array past the end": [keys(1n, "k", 9, 10, 9n, room), /received 9, which take more than the 64 bytes/],
  "deep arrays": [encodeDeep(), /arrays at most 4 deep for k/],
  "a key twice": [keys(2n, "k", 0, Buffer.of(1), "k", 0, Buffer.of(1)), /each key once .* "k" twice/],
  "an unknown value type": [keys(1n, "k", 13, room), /types 0 to 12 for the type of k .* received 13/],
  "an unknown element type": [keys(1n, "k", 9, 99, 0n, room), /the type of the elements of k .* received 99/],
  "text that is no UTF-8": [keys(1n, "k", 8, 1n, Buffer.of(0xff), room), /UTF-8 for k/],
  "an alignment of 0": [keys(1n, "general.alignment", 4, 0, room), /power of two up to 2097152 .* received 0/],
  "an alignment of 24": [keys(1n, "general.alignment", 4, 24, room), /power of two .* received 24/],
  "an alignment of another type": [keys(1n, "general.alignment", 10, 32n, room), /uint32 power of two .* received 32/],
  "five dimensions": [oneTensor("t", 5), /at most 4 for the dimensions of tensor t/],
  "an unknown tensor type": [oneTensor("t", 0, 4, 0n), /a type of ggml's .* the type of tensor t .* received 4/],
  "an absurd shape": [oneTensor("t", 2, 2n ** 40n, 2n ** 40n, 0, 0n), /countable in bytes for the shape of tensor t/],
  "sizes that overflow": [oneTensor("t", 1, 2n ** 63n, 0, 0n), /for the shape of tensor t/],
  "half a block": [oneTensor("t", 1, 16n, 8, 0n), /whole blocks of Q8_0/],
  "an unaligned offset": [tensorsAt(16n), /a multiple of 32 for the offset of tensor t0/],
  "an absurd offset": [tensorsAt(2n ** 63n), /the offset of tensor t0/],
  "an offset past the end": [tensorsAt(0n, 64n), /for tensor t1, .* a file of \d+ bytes. The file was cut short/],
  "overlapping tensors": [tensorsAt(32n, 0n, 32n), /data of its own for tensor t2 .* bytes that tensor t0 has too/],
  "a tensor twice": [
    headerOf(MAGIC, 3, 2n, 0n, "t", 0, 0, 0n, "t", 0, 0, 32n, room, room),
    /each tensor once .* t twice/,
  ],
};

function encodeDeep(): Uint8Array {
  const header = Buffer.from(encodeHeader(new Map([["k", nest(4)]]), [], 32));
  // The innermost of four arrays is empty: give it one more array of arrays.
  const position = 24 + 9 + 4 + 4 * 12 - 8;
  return Buffer.concat([header.subarray(0, position), headerOf(1n, 9, 0n), room]);
}

test.each(Object.entries(damaged))("%s is INVALID_GGUF", async (_, [bytes, message]) => {
  const path = join(await temporaryFolder(), "x.gguf");
  await writeFile(path, bytes);
  expect(await failure(readGguf(path))).toEqual({ code: "INVALID_GGUF", message: expect.stringMatching(message) });
});

test("no file, and a folder, are CHECKPOINT_NOT_FOUND", async () => {
  const folder = await temporaryFolder();
  for (const path of [folder, join(folder, "no.gguf")]) {
    expect(await failure(readGguf(path))).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  }
});

test("every truncation of a file is INVALID_GGUF", async () => {
  const path = join(await temporaryFolder(), "x.gguf");
  const whole = await readFile(golden);
  const { tensors } = await readGguf(golden);
  const end = Math.max(...[...tensors.values()].map(({ offset, length }) => offset + length));
  for (let length = 0; length < end; length += length < 1500 ? 1 : 101) {
    await writeFile(path, whole.subarray(0, length));
    expect(await failure(readGguf(path)), `${length} bytes`).toMatchObject({ code: "INVALID_GGUF" });
  }
});

test("property: a changed byte gives an error or a file, nothing else", async () => {
  const path = join(await temporaryFolder(), "x.gguf");
  const whole = await readFile(golden);
  const changes = fc.array(fc.tuple(fc.nat(1600), fc.nat(255)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(changes, async (changed) => {
      const bytes = Uint8Array.from(whole);
      for (const [position, value] of changed) bytes[position] = value;
      await writeFile(path, bytes);
      const error = await readGguf(path).catch((error: unknown) => error);
      if (error instanceof Error) expect(VqraeError.isInstance(error) && error.code).toBe("INVALID_GGUF");
    }),
    { numRuns: 500 },
  );
});
