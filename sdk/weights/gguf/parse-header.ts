import { describe } from "../../errors.ts";
import { Cursor } from "./cursor.ts";
import { type GgufHeader, type GgufTensor, invalidGguf } from "./gguf-file.ts";
import {
  ALIGNMENT_KEY,
  DEFAULT_ALIGNMENT,
  isAlignment,
  MAX_ALIGNMENT,
  MAX_DIMENSIONS,
  MAX_KEY_BYTES,
  MAX_KEYS,
  MAX_TENSOR_NAME_BYTES,
  MAX_TENSORS,
  VERSIONS,
} from "./limits.ts";
import { ValueParser } from "./parse-values.ts";
import { tensorBytes, tensorTypeOfId } from "./tensor-types.ts";
import type { GgufValue } from "./values.ts";

const MAGIC = 0x46554747; // "GGUF", read as a little-endian number
/** The least that a key with its value and a tensor's description take. */
const KEY_BYTES = 8 + 4 + 1;
const TENSOR_BYTES = 8 + 4 + 4 + 8;

/**
 * Parses and validates everything before the tensor data. It yields now and then, where other work may be done.
 *
 * @param bytes the file's first bytes; `OutOfBytes` is thrown where they end too early
 * @param fileBytes length of the whole file: tensors must lie in it
 * @param file named in errors
 * @throws INVALID_GGUF naming the file, and the key or tensor
 */
export function* parseHeader(bytes: Uint8Array, fileBytes: number, file: string): Generator<void, GgufHeader> {
  const cursor = new Cursor(bytes);
  const values = new ValueParser(cursor, fileBytes);
  const version = parseStart(cursor, file);
  const tensorCount = values.count(MAX_TENSORS, TENSOR_BYTES, `the tensors of ${file}`);
  const keyCount = values.count(MAX_KEYS, KEY_BYTES, `the keys of ${file}`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = values.string(`key ${i + 1} of ${file}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw invalidGguf("each key once", file, `${JSON.stringify(key)} twice`);
    metadata.set(key, yield* values.value(`${key} of ${file}`));
  }
  const alignment = alignmentOf(metadata, file);
  const described = Array.from({ length: tensorCount }, (_, i) => parseTensor(cursor, values, i, alignment, file));
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const tensor of described) {
    if (tensors.has(tensor.name)) throw invalidGguf("each tensor once", file, `${tensor.name} twice`);
    tensors.set(tensor.name, { ...tensor, offset: dataStart + tensor.offset });
  }
  requireSeparate(tensors.values(), fileBytes, file);
  return { version, alignment, metadata, tensors };
}

/** What people have in a GGUF file's place, by its first four letters. */
const WEB_PAGE = [
  "those of a web page",
  "Download the file itself: its link on the hub has /resolve/, not /blob/.",
] as const;
const OTHER_FORMATS: readonly (readonly [start: string, received: string, mend: string])[] = [
  ["<!do", ...WEB_PAGE],
  ["<!DO", ...WEB_PAGE],
  ["<htm", ...WEB_PAGE],
  ["vers", "those of a Git LFS pointer", "Run `git lfs pull` in its repository, or download the file from the hub."],
  ["PK\u0003\u0004", "those of a zip file", "Unpack it, or give the checkpoint's folder."],
];

/** Four letters as a little-endian number. */
const numberOf = (letters: string): number => Buffer.from(letters, "latin1").readUInt32LE();

function parseStart(cursor: Cursor, file: string): number {
  const magic = cursor.uint32();
  if (magic !== MAGIC) {
    const other = OTHER_FORMATS.find(([start]) => numberOf(start) === magic);
    throw invalidGguf('"GGUF"', `the first bytes of ${file}`, other?.[1] ?? "others", other?.[2]);
  }
  const version = cursor.uint32();
  if (VERSIONS.includes(version)) return version;
  if (version !== 0 && (version & 0xffff) === 0) {
    throw invalidGguf("little-endian numbers", file, "a big-endian GGUF file");
  }
  throw invalidGguf(
    `version ${VERSIONS.join(" or ")}`,
    file,
    describe(version),
    "Convert it with a current llama.cpp.",
  );
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, file: string): number {
  const stored = metadata.get(ALIGNMENT_KEY);
  if (stored === undefined) return DEFAULT_ALIGNMENT;
  if (stored.type === "uint32" && isAlignment(stored.value)) return stored.value;
  throw invalidGguf(
    `a uint32 power of two up to ${MAX_ALIGNMENT}`,
    `${ALIGNMENT_KEY} of ${file}`,
    describe(stored.value),
  );
}

/** Its offset counts from the start of the data. */
function parseTensor(cursor: Cursor, values: ValueParser, index: number, alignment: number, file: string): GgufTensor {
  const name = values.string(`the name of tensor ${index + 1} of ${file}`, MAX_TENSOR_NAME_BYTES);
  const subject = (part: string) => `${part} of tensor ${name} in ${file}`;
  const dimensions = cursor.uint32();
  if (dimensions > MAX_DIMENSIONS)
    throw invalidGguf(`at most ${MAX_DIMENSIONS}`, subject("the dimensions"), describe(dimensions));
  const sizes = Array.from({ length: dimensions }, () => cursor.uint64());
  const typeId = cursor.uint32();
  const type = tensorTypeOfId(typeId);
  if (type === undefined) throw invalidGguf("a type of ggml's that is known", subject("the type"), describe(typeId));
  const shape = sizes.map(Number).reverse();
  const length = shape.every(Number.isSafeInteger) ? tensorBytes(type, shape) : Number.NaN;
  if (Number.isNaN(length)) {
    throw invalidGguf(`whole blocks of ${type}, countable in bytes`, subject("the shape"), describe(sizes.reverse()));
  }
  const offset = cursor.uint64();
  if (offset % BigInt(alignment) !== 0n || offset > Number.MAX_SAFE_INTEGER) {
    throw invalidGguf(`a multiple of ${alignment}`, subject("the offset"), describe(offset));
  }
  return { name, type, shape, offset: Number(offset), length };
}

function requireSeparate(tensors: Iterable<GgufTensor>, fileBytes: number, file: string): void {
  let before = { name: "", end: 0 };
  for (const { name, offset, length } of [...tensors].sort((a, b) => a.offset - b.offset || a.length - b.length)) {
    const end = offset + length;
    if (end > fileBytes) {
      throw invalidGguf(
        `at least ${end} bytes, for tensor ${name},`,
        file,
        `a file of ${fileBytes} bytes`,
        "The file was cut short, or its header is wrong: download it again.",
      );
    }
    if (length === 0) continue;
    if (offset < before.end) {
      throw invalidGguf("data of its own", `tensor ${name} in ${file}`, `bytes that tensor ${before.name} has too`);
    }
    before = { name, end };
  }
}
