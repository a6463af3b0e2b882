import { isStridedWeight } from "../dtypes.ts";
import type { LyingDtype, StridedDtype, TensorRef, WeightDtype } from "../tensor-ref.ts";

export const isStrided = (ref: TensorRef): ref is TensorRef<StridedDtype> => isStridedWeight(ref.dtype);

const numbers: Readonly<Record<StridedDtype, WeightDtype>> = {
  STRIDED_F32: "F32",
  STRIDED_F16: "F16",
  STRIDED_BF16: "BF16",
};

/** What each of the numbers is. */
export const numbersOf = (dtype: StridedDtype): WeightDtype => numbers[dtype];

/**
 * The elements of a view, row-major.
 * @param stored those from its first to its last element, as they lie
 */
export function gather({ shape, strides = [] }: TensorRef<LyingDtype>, stored: Float32Array): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = new Float32Array(count);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let i = 0; i < count; i++) {
    values[i] = stored[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [size, stride, at] = [shape[axis] ?? 1, strides[axis] ?? 0, (index[axis] ?? 0) + 1];
      from += stride;
      index[axis] = at;
      if (at < size) break;
      from -= size * stride;
      index[axis] = 0;
    }
  }
  return values;
}

/** Where rows `first` to `first + count` of a view lie. */
export function stridedRows(ref: TensorRef<StridedDtype>, first: number, count: number) {
  const { strides = [], shape } = ref;
  const size = numbersOf(ref.dtype) === "F32" ? 4 : 2;
  const last = shape.reduce((sum, n, axis) => sum + ((axis === 0 ? count : n) - 1) * (strides[axis] ?? 0), 0);
  return { offset: ref.offset + first * (strides[0] ?? 0) * size, length: (last + 1) * size };
}
