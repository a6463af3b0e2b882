import { readFileSync } from "node:fs";
import type { RgbImage } from "../../sdk/index.ts";

export interface Expected {
  readonly shape: readonly number[];
  readonly data:
    | Float32Array<ArrayBuffer>
    | Float64Array<ArrayBuffer>
    | Int32Array<ArrayBuffer>
    | Uint8Array<ArrayBuffer>;
}

interface Header {
  readonly [name: string]: { dtype: keyof typeof arrays; shape: number[]; data_offsets: [number, number] };
}

const arrays = { F32: Float32Array, F64: Float64Array, I32: Int32Array, U8: Uint8Array };

/** Every tensor of a fixture's expected.safetensors. */
export function readExpected(file: string): Record<string, Expected> {
  const bytes = readFileSync(file);
  const dataStart = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(bytes.toString("utf8", 8, dataStart)) as Header;
  return Object.fromEntries(
    Object.entries(tensors).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        const copy = new Uint8Array(bytes.subarray(dataStart + start, dataStart + end));
        return [name, { shape, data: new arrays[dtype](copy.buffer) }];
      },
    ),
  );
}

/** A picture of a fixture: uint8 of (height, width, 3). */
export function imageOf({ data, shape }: Expected): RgbImage {
  return { data: data as Uint8Array, width: shape[1]!, height: shape[0]! };
}

/** Row `i` of a tensor, over its first dimension. */
export function rowOf({ data, shape }: Expected, i: number): Expected["data"] {
  const size = data.length / shape[0]!;
  return data.subarray(i * size, (i + 1) * size);
}

/** The largest absolute difference; Infinity where lengths differ or a number is NaN. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
