import { describe, expected, expectedBut, type VqraeError } from "../../errors.ts";
import { jsonStructure, type StructureLimits } from "../../files/json-structure.ts";
import { isObject } from "../../files/read-file.ts";
import { byteLength, type Dtype, dtypeNames, isDtype } from "../dtypes.ts";
import type { BlockDtype, StridedDtype } from "../tensor-ref.ts";

/** In one file: models with more are sharded into files of a few thousand tensors. */
const MAX_TENSORS = 25_000;
/** Far more than any module path; keeps error messages readable. */
const MAX_NAME_LENGTH = 1024;
/** NumPy's limit, so that every tensor can be looked at in Python too. */
const MAX_RANK = 64;
/** Trainers note down all their settings as one text of metadata. */
const MAX_TEXT_BYTES = 8 * 1024 * 1024;
/** What `MAX_TENSORS` honest entries can hold (each three fields, a shape and offsets), and as many of metadata. */
const HEADER_LIMITS: StructureLimits = {
  brackets: 2 + 3 * MAX_TENSORS,
  depth: 3,
  keys: 5 * MAX_TENSORS,
  text: MAX_TEXT_BYTES,
};

/** A tensor as the header describes it; a GGUF file's may be of `BlockDtype`, a torch file's of `StridedDtype`. */
export interface StoredTensor<D extends Dtype | BlockDtype | StridedDtype<Dtype> = Dtype> {
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Absolute path of the file, symbolic links resolved. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
  /** Of the file, as it was when its header was read. */
  readonly identity?: string;
  /** Of a `StridedDtype`: elements from one index to the next, of each axis. */
  readonly strides?: readonly number[];
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * Validates a header as the reference library does (huggingface/safetensors, `Metadata::validate`).
 *
 * @param bytes the header's JSON, UTF-8
 * @param file named in errors
 * @param dataStart where tensor data begins in the file, in bytes
 * @param dataLength bytes from there to the file's end: the tensors must cover them exactly, without holes or overlaps
 * @throws INVALID_CHECKPOINT naming the file and the tensor
 */
export async function parseHeader(
  bytes: Uint8Array,
  file: string,
  dataStart: number,
  dataLength: number,
): Promise<SafetensorsHeader> {
  const header = await parseObject(bytes, file);
  const { __metadata__: metadata = {} } = header;
  if (!isStrings(metadata)) throw invalid("an object of strings", `__metadata__ of ${file}`, describe(metadata));
  const listed = Object.entries(header).filter(([name]) => name !== "__metadata__");
  if (listed.length > MAX_TENSORS) throw invalid(`at most ${MAX_TENSORS} tensors`, file, describe(listed.length));
  const tensors = listed.map(([name, entry]) => parseTensor(name, entry, file, dataStart, dataLength));
  requireContiguous(tensors, file, dataStart, dataLength);
  return { metadata, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

async function parseObject(bytes: Uint8Array, file: string): Promise<Record<string, unknown>> {
  const subject = `the header of ${file}`;
  const { within, duplicate } = await jsonStructure(bytes, HEADER_LIMITS);
  if (!within)
    throw invalid("JSON in UTF-8", subject, "more fields, deeper nesting or longer texts than a header can have");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw expectedBut("INVALID_CHECKPOINT", "JSON in UTF-8", subject, (cause as Error).message, { cause });
  }
  if (!isObject(value)) throw invalid("a JSON object", subject, describe(value));
  if (duplicate !== null) throw invalid("each key once", subject, `${JSON.stringify(duplicate)} twice`);
  return value;
}

function parseTensor(name: string, entry: unknown, file: string, dataStart: number, dataLength: number): StoredTensor {
  if (name.length > MAX_NAME_LENGTH)
    throw invalid(`at most ${MAX_NAME_LENGTH} characters`, `a name in ${file}`, describe(name));
  const subject = (part: string) => `${part} of tensor ${name} in ${file}`;
  if (!isObject(entry)) throw invalid("an object", `tensor ${name} in ${file}`, describe(entry));
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isDtype(dtype)) throw invalid(`one of ${dtypeNames.join(", ")}`, subject("dtype"), describe(dtype));
  if (!isCounts(shape)) throw invalid("a list of whole numbers >= 0", subject("shape"), describe(shape));
  if (shape.length > MAX_RANK)
    throw invalid(`at most ${MAX_RANK} dimensions`, subject("shape"), describe(shape.length));
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw invalid("two whole numbers >= 0", subject("data_offsets"), describe(offsets));
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw invalid("begin <= end", subject("data_offsets"), describe(offsets));
  if (end > dataLength) {
    throw expected(
      "INVALID_CHECKPOINT",
      `at most ${dataLength} bytes of data`,
      subject("data_offsets"),
      offsets,
      "The file was cut short, or its header is wrong: download it again.",
    );
  }
  const needed = byteLength(dtype, shape);
  if (Number.isNaN(needed)) throw invalid("a countable number of bytes", subject("shape"), describe(shape));
  if (needed !== end - begin) {
    throw invalid(`${needed} bytes (${dtype} [${shape.join(", ")}])`, subject("data_offsets"), `${end - begin}`);
  }
  return { name, dtype, shape, file, offset: dataStart + begin, length: needed };
}

/** The format forbids holes, overlaps and trailing bytes: each tensor starts where the one before it ends. */
function requireContiguous(tensors: readonly StoredTensor[], file: string, start: number, length: number): void {
  let position = start;
  for (const { name, offset, length } of tensors.toSorted((a, b) => a.offset - b.offset || a.length - b.length)) {
    if (offset !== position) {
      const problem = offset < position ? "an overlap with the tensor before it" : "a hole before it";
      throw invalid(`data at byte ${position}`, `tensor ${name} in ${file}`, `byte ${offset}, ${problem}`);
    }
    position = offset + length;
  }
  const unused = start + length - position;
  if (unused > 0) throw invalid("tensors that cover all the data", file, `${unused} bytes after the last one`);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function isStrings(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === "string");
}

const invalid = (what: string, subject: string, received: string): VqraeError =>
  expectedBut("INVALID_CHECKPOINT", what, subject, received);
