/** The numbers and structs of a struct, by field; other values are checked and left out. */
export type Struct = ReadonlyMap<number, number | Struct>;

/** Structs inside each other; parquet's have six at most. */
const MAX_DEPTH = 16;
/** Of lists and structs together, so that a few bytes do not stand for a billion elements. */
const MAX_ELEMENTS = 4_000_000;

/** Types of Thrift's compact protocol. */
const [STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12];

/**
 * Walks over a struct in Thrift's compact protocol, always forward: a length that is negative, or past the end, is an error. So
 * is nesting that parquet has not.
 * Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
 *
 * @returns the struct, and the byte behind it
 */
export function intoStruct(bytes: Uint8Array): { readonly struct: Struct; readonly end: number } {
  const walk = new Walk(bytes);
  const struct = walk.struct(0);
  return { struct, end: walk.offset };
}

class Walk {
  offset = 0;
  readonly #bytes: Uint8Array;
  #elements = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  struct(depth: number): Struct {
    if (depth > MAX_DEPTH) throw new Error("thrift structs nested too deep");
    const fields = new Map<number, number | Struct>();
    let field = 0;
    while (true) {
      this.#count();
      const byte = this.#byte();
      const type = byte & 0x0f;
      if (type === STOP) return fields;
      const step = byte >> 4;
      field = step > 0 ? field + step : this.#zigzag();
      const value = this.#element(type, depth);
      if (value !== undefined) fields.set(field, value);
    }
  }

  #element(type: number, depth: number): number | Struct | undefined {
    if (type === TRUE || type === FALSE) return undefined;
    if (type === BYTE) this.#skip(1);
    else if (type === I16 || type === I32) return this.#zigzag();
    else if (type === I64) this.#varint(10);
    else if (type === DOUBLE) this.#skip(8);
    else if (type === BINARY) this.#skip(this.#length());
    else if (type === STRUCT) return this.struct(depth + 1);
    else if (type === LIST) this.#list(depth + 1);
    else throw new Error(`thrift unhandled type: ${type}`);
    return undefined;
  }

  #list(depth: number): void {
    if (depth > MAX_DEPTH) throw new Error("thrift lists nested too deep");
    const byte = this.#byte();
    const type = byte & 0x0f;
    const short = byte >> 4;
    const size = short === 15 ? this.#length() : short;
    for (let i = 0; i < size; i++) {
      this.#count();
      // Truth values of a list take a byte each.
      this.#element(type === TRUE || type === FALSE ? BYTE : type, depth);
    }
  }

  #count(): void {
    if (++this.#elements > MAX_ELEMENTS) throw new Error(`more than ${MAX_ELEMENTS} thrift elements`);
  }

  #byte(): number {
    const byte = this.#bytes[this.offset++];
    if (byte === undefined) throw new Error("thrift struct ended without STOP");
    return byte;
  }

  #skip(length: number): void {
    if (length > this.#bytes.length - this.offset) throw new Error(`thrift value of ${length} bytes past the end`);
    this.offset += length;
  }

  /** Lengths are unsigned and below 2^31: hyparquet takes larger ones for negative. */
  #length(): number {
    const length = Number(this.#varint(5));
    if (length >= 2 ** 31) throw new Error(`thrift length of ${length}`);
    return length;
  }

  #zigzag(): number {
    const value = Number(this.#varint(5) & 0xffff_ffffn);
    return (value >>> 1) ^ -(value & 1);
  }

  #varint(most: number): bigint {
    let value = 0n;
    for (let i = 0; i < most; i++) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error("thrift number without an end");
  }
}
