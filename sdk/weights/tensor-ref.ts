import type { TensorRef } from "../families/checkpoint.ts";

/** Tells a tensor from the other objects of an encoder's, quantizer's or decoder's spec. */
export const isTensorRef = (value: object): value is TensorRef =>
  "dtype" in value && "offset" in value && "length" in value;
