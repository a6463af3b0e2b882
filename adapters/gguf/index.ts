/**
 * The public face of `vqrae/gguf`: GGUF files, read and written.
 *
 * @module vqrae/gguf
 */

export { type DescribedTensor, type GgufFile, type GgufHeader, type GgufTensor, ggufTensorOf } from "./gguf-file.ts";
export type { GgufTensorLayout } from "./lay-out.ts";
export { readGguf } from "./read-gguf.ts";
export { readGgufTensor, readGgufTensorBytes, readGgufTensorPieces, readGgufTensorRows } from "./read-tensor.ts";
export { type GgufChanges, requireOtherFile, rewriteGguf } from "./rewrite-gguf.ts";
export { decodeGgufTensor, encodeGgufTensor, type GgufFloatType, isGgufFloatType } from "./tensor-data.ts";
export type { GgufTensorType } from "./tensor-types.ts";
export {
  type GgufArray,
  type GgufBigintType,
  type GgufNumberType,
  type GgufScalar,
  type GgufScalarType,
  type GgufValue,
  ggufValue,
  isNumberList,
} from "./values.ts";
export {
  type GgufTensorData,
  type GgufTensorToWrite,
  streamGguf,
  type WriteGgufTensor,
  writeGguf,
} from "./write-gguf.ts";
