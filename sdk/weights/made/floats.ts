import type { TensorRef } from "../tensor-ref.ts";

/** Float32 twins of tensors that graphs cannot take, or should not take, as they are stored: by `placeOf` the stored one. */
export type Floats = ReadonlyMap<string, TensorRef>;

/** Where a tensor's bytes are, and which of them are its own: one that is used twice has one twin. */
export const placeOf = ({ file, offset, shape, strides = [] }: TensorRef): string =>
  [file, offset, shape.join(), strides.join()].join(":");
