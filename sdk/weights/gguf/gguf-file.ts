import { expectedBut, type VqraeError } from "../../errors.ts";
import { type GgufTensorType, tensorBytes, tensorTypeOfId } from "./tensor-types.ts";
import type { GgufValue } from "./values.ts";

/** A tensor as the header describes it. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufTensorType;
  /** Row-major as everywhere in this package: a linear layer's is [out, in]. The file has it the other way round. */
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface GgufHeader {
  readonly version: number;
  /** Tensors start at multiples of this many bytes. */
  readonly alignment: number;
  /** In the order of the file. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

export interface GgufFile extends GgufHeader {
  /** Absolute path, symbolic links resolved. */
  readonly file: string;
  /** What tells the file from another one that takes its place, as it was when the header was read. */
  readonly identity: string;
}

/** A tensor as another reader of the header describes it. */
export interface DescribedTensor {
  readonly name: string;
  /** The number that stands for the type in a file. */
  readonly typeId: number;
  /** In the file's order, the innermost first. */
  readonly dimensions: readonly (number | bigint)[];
  /** Bytes from the start of the file. */
  readonly offset: number | bigint;
}

/** The tensor that another reader found; null for a type that is not known or a shape that its blocks do not fit. */
export function ggufTensorOf({ name, typeId, dimensions, offset }: DescribedTensor): GgufTensor | null {
  const type = tensorTypeOfId(typeId);
  if (type === undefined) return null;
  const shape = dimensions.map(Number).toReversed();
  const length = shape.every(Number.isSafeInteger) ? tensorBytes(type, shape) : Number.NaN;
  return Number.isNaN(length) ? null : { name, type, shape, offset: Number(offset), length };
}

export const invalidGguf = (what: string, subject: string, received: string, mend?: string): VqraeError =>
  expectedBut("INVALID_GGUF", what, subject, received, mend);
