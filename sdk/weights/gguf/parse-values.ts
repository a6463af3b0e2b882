import { describe } from "../../errors.ts";
import type { Cursor } from "./cursor.ts";
import { fixedSizes, isFixedSize, typeOfId } from "./fixed-size.ts";
import { invalidGguf } from "./gguf-file.ts";
import { MAX_ARRAY_DEPTH, MAX_ARRAY_ELEMENTS, MAX_STRING_BYTES } from "./limits.ts";
import type { GgufArray, GgufScalarType, GgufValue } from "./values.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** The length of a string or an array. */
const LENGTH_BYTES = 8;
const ELEMENTS_AT_ONCE = 4096;

/** Reads metadata values and counts their elements; `fileBytes` bounds what a count can honestly be. */
export class ValueParser {
  readonly #cursor: Cursor;
  readonly #fileBytes: number;
  #elements = 0;

  constructor(cursor: Cursor, fileBytes: number) {
    this.#cursor = cursor;
    this.#fileBytes = fileBytes;
  }

  /** A count of things of at least `bytes` bytes each, checked against a limit and against the rest of the file. */
  count(limit: number, bytes: number, subject: string): number {
    const count = this.#cursor.uint64();
    if (count > limit) throw invalidGguf(`at most ${limit}`, subject, describe(count));
    const room = this.#fileBytes - this.#cursor.position;
    if (Number(count) * bytes > room) {
      const received = `${count}, which take more than the ${room} bytes that follow`;
      throw invalidGguf(
        "a count that the file can hold",
        subject,
        received,
        "The file was cut short: download it again.",
      );
    }
    return Number(count);
  }

  string(subject: string, limit = MAX_STRING_BYTES): string {
    const length = this.count(limit, 1, `the bytes of ${subject}`);
    const start = this.#cursor.skip(length);
    try {
      return utf8.decode(this.#cursor.bytes.subarray(start, start + length));
    } catch {
      throw invalidGguf("UTF-8", subject, "other bytes");
    }
  }

  /** Yields now and then, where other work may be done. */
  *value(subject: string): Generator<void, GgufValue> {
    const type = this.#type(subject);
    if (type === "array") return yield* this.#array(subject, 1);
    return { type, value: this.#scalar(type, subject) } as GgufValue;
  }

  #type(subject: string): GgufScalarType | "array" {
    const id = this.#cursor.uint32();
    const type = typeOfId(id);
    if (type === undefined) throw invalidGguf("one of the types 0 to 12", `the type of ${subject}`, describe(id));
    return type;
  }

  #scalar(type: GgufScalarType, subject: string): unknown {
    if (!isFixedSize(type)) return this.string(subject);
    const { bytes, read } = fixedSizes[type];
    return read(this.#cursor.view, this.#cursor.skip(bytes));
  }

  *#array(subject: string, depth: number): Generator<void, GgufArray> {
    if (depth > MAX_ARRAY_DEPTH) {
      throw invalidGguf(`arrays at most ${MAX_ARRAY_DEPTH} deep`, subject, "deeper ones");
    }
    const of = this.#type(`the elements of ${subject}`);
    // An array starts with its type and its count.
    const least = of === "array" ? 4 + LENGTH_BYTES : isFixedSize(of) ? fixedSizes[of].bytes : LENGTH_BYTES;
    const count = this.count(MAX_ARRAY_ELEMENTS - this.#elements, least, `the elements of all arrays up to ${subject}`);
    this.#elements += count;
    const value: unknown[] = [];
    for (let i = 0; i < count; i++) {
      if (i % ELEMENTS_AT_ONCE === ELEMENTS_AT_ONCE - 1) yield;
      value.push(of === "array" ? yield* this.#array(subject, depth + 1) : this.#scalar(of, subject));
    }
    return { type: "array", of, value } as GgufArray;
  }
}
