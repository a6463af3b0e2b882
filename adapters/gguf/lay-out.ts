import {
  describe,
  expectedBut,
  type GgufTensorType,
  type GgufValue,
  ggufBlockSize,
  ggufLimits,
  ggufTensorBytes,
  ggufTensorTypes,
  isGgufTensorType,
} from "../../sdk/kit.ts";

const { ALIGNMENT_KEY, DEFAULT_ALIGNMENT, isAlignment, MAX_ALIGNMENT, MAX_DIMENSIONS, MAX_TENSOR_NAME_BYTES } =
  ggufLimits;

export interface GgufTensorLayout {
  readonly name: string;
  readonly type: GgufTensorType;
  /** Row-major: a linear layer's [out, in]. */
  readonly shape: readonly number[];
}

/** Where a tensor's data goes: bytes from the start of the data. */
export interface PlacedTensor extends GgufTensorLayout {
  readonly begin: number;
  readonly length: number;
}

/** The alignment that the metadata asks for; 32 where it says nothing. */
export function alignmentFor(metadata: ReadonlyMap<string, GgufValue>): number {
  const asked = metadata.get(ALIGNMENT_KEY);
  if (asked === undefined) return DEFAULT_ALIGNMENT;
  if (asked.type === "uint32" && isAlignment(asked.value)) return asked.value;
  throw wrong(`a uint32 power of two up to ${MAX_ALIGNMENT}`, ALIGNMENT_KEY, describe(asked.value));
}

/** Places tensors one after the other, in the order given, as llama.cpp requires. */
export function layOut(layout: readonly GgufTensorLayout[], alignment: number): Map<string, PlacedTensor> {
  const places = new Map<string, PlacedTensor>();
  let begin = 0;
  for (const { name, type, shape } of layout) {
    if (places.has(name)) throw wrong("a name of its own", "a tensor", describe(name));
    if (Buffer.byteLength(name) > MAX_TENSOR_NAME_BYTES) {
      throw wrong(`at most ${MAX_TENSOR_NAME_BYTES} bytes`, "a tensor's name", describe(name));
    }
    if (!isGgufTensorType(type))
      throw wrong(`one of ${ggufTensorTypes.join(", ")}`, `type of tensor ${name}`, describe(type));
    if (shape.length > MAX_DIMENSIONS)
      throw wrong(`at most ${MAX_DIMENSIONS} dimensions`, `tensor ${name}`, describe(shape));
    const countable = shape.every((n) => Number.isSafeInteger(n) && n >= 0);
    const length = countable ? ggufTensorBytes(type, shape) : Number.NaN;
    if (Number.isNaN(length)) {
      throw wrong(
        `a countable shape, rows of a multiple of ${ggufBlockSize(type)}`,
        `tensor ${name} (${type})`,
        describe(shape),
      );
    }
    places.set(name, { name, type, shape, begin, length });
    begin = alignUp(begin + length, alignment);
  }
  return places;
}

/** Bytes of all tensors, each padded. */
export function dataBytes(places: Iterable<PlacedTensor>, alignment: number): number {
  const last = [...places].at(-1);
  return last ? alignUp(last.begin + last.length, alignment) : 0;
}

const alignUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

const wrong = (what: string, subject: string, received: string) =>
  expectedBut("INVALID_ARGUMENT", what, subject, received);
