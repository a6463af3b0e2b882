import {
  describe,
  expectedBut,
  type FixedSize,
  type FixedType,
  type FixedValue,
  fixedSizes,
  type GgufArray,
  type GgufScalarType,
  type GgufValue,
  ggufLimits,
  ggufTensorTypeId,
  ggufTypeId,
  isFixedSize,
} from "../../sdk/kit.ts";
import type { PlacedTensor } from "./lay-out.ts";

/** Grows as it is written to. */
class ByteWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** Room for `count` more bytes: where they begin and the view to write them through. */
  extend(count: number): { view: DataView; at: number } {
    const at = this.length;
    this.length += count;
    if (this.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return { view: this.#view, at };
  }

  uint32(value: number): void {
    const { view, at } = this.extend(4);
    view.setUint32(at, value, true);
  }

  uint64(value: number): void {
    const { view, at } = this.extend(8);
    view.setBigUint64(at, BigInt(value), true);
  }

  string(text: unknown, subject: string): void {
    if (typeof text !== "string") throw wrong("a string", subject, describe(text));
    if (/\p{Surrogate}/u.test(text)) throw wrong("well-formed text", subject, "half a surrogate pair");
    const encoded = Buffer.from(text);
    this.uint64(encoded.length);
    const { at } = this.extend(encoded.length);
    this.#bytes.set(encoded, at);
  }

  /** What was written, with zeros up to a multiple of `alignment`. */
  padded(alignment: number): Uint8Array {
    this.extend((alignment - (this.length % alignment)) % alignment);
    return this.#bytes.subarray(0, this.length);
  }
}

const wrong = (what: string, subject: string, received: string) =>
  expectedBut("INVALID_ARGUMENT", what, subject, received);

/**
 * Everything before the tensor data, version 3, up to the first aligned byte.
 * @throws INVALID_ARGUMENT for a value that its type cannot hold
 */
export function encodeHeader(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly PlacedTensor[],
  alignment: number,
): Uint8Array {
  const writer = new ByteWriter();
  writer.extend(4);
  writer.extend(0).view.setUint32(0, 0x46554747, true); // "GGUF"
  writer.uint32(3);
  writer.uint64(tensors.length);
  writer.uint64(metadata.size);
  for (const [key, value] of metadata) {
    writer.string(key, "a key");
    writeValue(writer, value, `the value of ${key}`);
  }
  for (const { name, type, shape, begin } of tensors) {
    writer.string(name, "a tensor's name");
    writer.uint32(shape.length);
    for (const size of shape.toReversed()) writer.uint64(size);
    writer.uint32(ggufTensorTypeId(type));
    writer.uint64(begin);
  }
  return writer.padded(alignment);
}

function writeValue(writer: ByteWriter, value: GgufValue, subject: string): void {
  if (value.type === "array") {
    writer.uint32(ggufTypeId("array"));
    writeArray(writer, value, subject, 1);
  } else {
    requireType(value.type, subject);
    writer.uint32(ggufTypeId(value.type));
    writeScalar(writer, value.type, value.value, subject);
  }
}

function writeArray(writer: ByteWriter, { of, value }: GgufArray, subject: string, depth: number): void {
  if (depth > ggufLimits.MAX_ARRAY_DEPTH)
    throw wrong(`arrays at most ${ggufLimits.MAX_ARRAY_DEPTH} deep`, subject, "deeper ones");
  if (of !== "array") requireType(of, `the elements of ${subject}`);
  writer.uint32(ggufTypeId(of));
  writer.uint64(value.length);
  if (of === "array") for (const inner of value) writeArray(writer, inner, subject, depth + 1);
  else for (const item of value) writeScalar(writer, of, item, subject);
}

function writeScalar(writer: ByteWriter, type: GgufScalarType, value: unknown, subject: string): void {
  if (isFixedSize(type)) writeFixed(writer, type, value, subject);
  else writer.string(value, subject);
}

function writeFixed<K extends FixedType>(writer: ByteWriter, type: K, value: unknown, subject: string): void {
  const { bytes, values, accepts, write }: FixedSize<FixedValue<K>> = fixedSizes[type];
  if (!accepts(value)) throw wrong(`${values} (${type})`, subject, describe(value));
  const { view, at } = writer.extend(bytes);
  write(view, at, value);
}

function requireType(type: string, subject: string): void {
  if (type === "string" || isFixedSize(type)) return;
  const names = [...Object.keys(fixedSizes), "string", "array"].join(", ");
  throw wrong(`one of ${names}`, `the type of ${subject}`, describe(type));
}
