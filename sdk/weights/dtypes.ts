import { expectedBut } from "../errors.ts";
import type { BlockDtype, StridedDtype, TensorRef, WeightDtype } from "./tensor-ref.ts";

/**
 * The element types of safetensors 0.8 and their bits, in the order in which the reference library lays tensors out:
 * it writes the widest first, so that each one starts aligned to its own size.
 */
const bits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

export type Dtype = keyof typeof bits;

const names = Object.keys(bits) as Dtype[];
const weights: ReadonlySet<string> = new Set<WeightDtype>(["F32", "F16", "BF16"]);

export const dtypeNames: readonly Dtype[] = names;
export const isDtype = (value: unknown): value is Dtype => typeof value === "string" && Object.hasOwn(bits, value);
export const isWeightDtype = (dtype: Dtype | BlockDtype | StridedDtype<Dtype>): dtype is WeightDtype =>
  weights.has(dtype);
export const isStridedWeight = (dtype: string): dtype is StridedDtype =>
  dtype.startsWith("STRIDED_") && weights.has(dtype.slice("STRIDED_".length));
/**
 * A tensor that a graph or another file can take as it is stored.
 * @throws UNSUPPORTED for one in blocks or with strides, which `VQRAE.load` brings to floats
 */
export function requireFloats(ref: TensorRef): TensorRef<WeightDtype> {
  const { dtype, name, file } = ref;
  if (isWeightDtype(dtype)) return { ...ref, dtype };
  throw expectedBut("UNSUPPORTED", "F32, F16 or BF16", `tensor ${name} of ${file}`, dtype);
}

/** Higher comes earlier in a file. */
export const dtypeRank = (dtype: Dtype): number => names.indexOf(dtype);

/** Bytes of `shape` elements of `dtype`; NaN where the count is not exact in a double or not a whole number of bytes. */
export function byteLength(dtype: Dtype, shape: readonly number[]): number {
  // A zero anywhere makes the tensor empty, however large the other sizes are.
  if (shape.includes(0)) return 0;
  let total: number = bits[dtype];
  for (const size of shape) {
    total *= size;
    if (!Number.isSafeInteger(total)) return Number.NaN;
  }
  return total % 8 === 0 ? total / 8 : Number.NaN;
}
