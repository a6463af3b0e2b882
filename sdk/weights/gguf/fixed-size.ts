import type { GgufScalarType } from "./values.ts";

/** Metadata types of one size: the number that stands for each in a file, and how it is read and written. */
export interface FixedSize<T> {
  readonly id: number;
  readonly bytes: number;
  /** What a value must be, for errors. */
  readonly values: string;
  accepts(value: unknown): value is T;
  read(view: DataView, at: number): T;
  write(view: DataView, at: number, value: T): void;
}

export type FixedType = Exclude<GgufScalarType, "string">;
export type FixedValue<K extends FixedType> = K extends "bool"
  ? boolean
  : K extends "uint64" | "int64"
    ? bigint
    : number;

/** The types that have no fixed size. */
export const STRING_ID = 8;
export const ARRAY_ID = 9;

const whole = (low: number, high: number) => ({
  values: `a whole number from ${low} to ${high}`,
  accepts: (value: unknown): value is number =>
    Number.isInteger(value) && low <= Number(value) && Number(value) <= high,
});
const big = (low: bigint, high: bigint) => ({
  values: `a bigint from ${low} to ${high}`,
  accepts: (value: unknown): value is bigint => typeof value === "bigint" && low <= value && value <= high,
});
const float = { values: "a number", accepts: (value: unknown): value is number => typeof value === "number" };

/** Source: ggml's docs/gguf.md, `gguf_metadata_value_type`; all are little-endian. */
export const fixedSizes: { readonly [K in FixedType]: FixedSize<FixedValue<K>> } = {
  uint8: {
    id: 0,
    bytes: 1,
    ...whole(0, 255),
    read: (view, at) => view.getUint8(at),
    write: (view, at, value) => view.setUint8(at, value),
  },
  int8: {
    id: 1,
    bytes: 1,
    ...whole(-128, 127),
    read: (view, at) => view.getInt8(at),
    write: (view, at, value) => view.setInt8(at, value),
  },
  uint16: {
    id: 2,
    bytes: 2,
    ...whole(0, 65_535),
    read: (view, at) => view.getUint16(at, true),
    write: (view, at, value) => view.setUint16(at, value, true),
  },
  int16: {
    id: 3,
    bytes: 2,
    ...whole(-32_768, 32_767),
    read: (view, at) => view.getInt16(at, true),
    write: (view, at, value) => view.setInt16(at, value, true),
  },
  uint32: {
    id: 4,
    bytes: 4,
    ...whole(0, 2 ** 32 - 1),
    read: (view, at) => view.getUint32(at, true),
    write: (view, at, value) => view.setUint32(at, value, true),
  },
  int32: {
    id: 5,
    bytes: 4,
    ...whole(-(2 ** 31), 2 ** 31 - 1),
    read: (view, at) => view.getInt32(at, true),
    write: (view, at, value) => view.setInt32(at, value, true),
  },
  float32: {
    id: 6,
    bytes: 4,
    ...float,
    read: (view, at) => view.getFloat32(at, true),
    write: (view, at, value) => view.setFloat32(at, value, true),
  },
  bool: {
    id: 7,
    bytes: 1,
    values: "true or false",
    accepts: (value): value is boolean => typeof value === "boolean",
    read: (view, at) => view.getUint8(at) !== 0,
    write: (view, at, value) => view.setUint8(at, value ? 1 : 0),
  },
  uint64: {
    id: 10,
    bytes: 8,
    ...big(0n, 2n ** 64n - 1n),
    read: (view, at) => view.getBigUint64(at, true),
    write: (view, at, value) => view.setBigUint64(at, value, true),
  },
  int64: {
    id: 11,
    bytes: 8,
    ...big(-(2n ** 63n), 2n ** 63n - 1n),
    read: (view, at) => view.getBigInt64(at, true),
    write: (view, at, value) => view.setBigInt64(at, value, true),
  },
  float64: {
    id: 12,
    bytes: 8,
    ...float,
    read: (view, at) => view.getFloat64(at, true),
    write: (view, at, value) => view.setFloat64(at, value, true),
  },
};

/** Every type's id, and back. */
export const idOf = (type: GgufScalarType | "array"): number =>
  type === "string" ? STRING_ID : type === "array" ? ARRAY_ID : fixedSizes[type].id;

export const isFixedSize = (type: string): type is FixedType => Object.hasOwn(fixedSizes, type);

const byId = new Map<number, GgufScalarType | "array">([
  ...Object.keys(fixedSizes)
    .filter(isFixedSize)
    .map((name) => [fixedSizes[name].id, name] as const),
  [STRING_ID, "string"],
  [ARRAY_ID, "array"],
]);

export const typeOfId = (id: number): GgufScalarType | "array" | undefined => byId.get(id);
