import { expectedBut } from "../../errors.ts";
import { narrowBF16, narrowF16, widenBF16, widenF16 } from "../half.ts";
import type { BlockDtype } from "../tensor-ref.ts";
import { dequantize, type GgufQuantizedType, isQuantizedType, quantizedTypes } from "./dequantize.ts";
import { dequantizeQ8, quantizeQ8 } from "./q8.ts";
import type { GgufTensorType } from "./tensor-types.ts";

/** Tensor types that can be read as floats and made from floats. */
export type GgufFloatType = "F32" | "F16" | "BF16" | "Q8_0";

interface FloatCodec {
  decode(bytes: Uint8Array<ArrayBuffer>): Float32Array;
  encode(values: Float32Array): ArrayBufferView;
}

const codecs: Readonly<Record<GgufFloatType, FloatCodec>> = {
  F32: { decode: (bytes) => new Float32Array(bytes.buffer), encode: (values) => values },
  F16: { decode: (bytes) => widenF16(new Uint16Array(bytes.buffer)), encode: narrowF16 },
  BF16: { decode: (bytes) => widenBF16(new Uint16Array(bytes.buffer)), encode: narrowBF16 },
  Q8_0: { decode: dequantizeQ8, encode: quantizeQ8 },
};

const floatTypes: readonly GgufFloatType[] = ["F32", "F16", "BF16", "Q8_0"];

/** Whether `encodeGgufTensor` knows a type. `decodeGgufTensor` knows more: Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K. */
export const isGgufFloatType = (type: GgufTensorType): type is GgufFloatType => Object.hasOwn(codecs, type);

/** Every type that `decodeGgufTensor` knows. */
export const readableTypes: readonly (GgufFloatType | GgufQuantizedType)[] = [...floatTypes, ...quantizedTypes];

/** Whether a tensor's data is brought to floats block by block, rather than number by number. */
export const isBlockDtype = (type: string): type is BlockDtype => type === "Q8_0" || isQuantizedType(type);

/**
 * The data of a tensor of `type`, rounded as ggml rounds it: to the nearest, ties to even (Q8_0: away from zero).
 * @param values row-major; for Q8_0 rows of a multiple of 32
 * @throws INVALID_ARGUMENT for Q8_0 values that make no whole blocks
 */
export function encodeGgufTensor(type: GgufFloatType, values: Float32Array): ArrayBufferView {
  return codecs[type].encode(values);
}

/**
 * Data of whole rows as floats.
 * @param subject named in errors
 * @throws UNSUPPORTED for the types that this package does not decode
 */
export function decodeGgufTensor(type: GgufTensorType, bytes: Uint8Array<ArrayBuffer>, subject: string): Float32Array {
  if (isGgufFloatType(type)) return codecs[type].decode(bytes);
  if (isQuantizedType(type)) return dequantize(type, bytes);
  throw expectedBut("UNSUPPORTED", `one of ${readableTypes.join(", ")}`, subject, type);
}
