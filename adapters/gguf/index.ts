/**
 * The public face of `vqrae/gguf`: GGUF files, read and written.
 *
 * @module vqrae/gguf
 */

export {
  type DescribedTensor,
  decodeGgufTensor,
  encodeGgufTensor,
  type GgufArray,
  type GgufBigintType,
  type GgufFile,
  type GgufFloatType,
  type GgufHeader,
  type GgufNumberType,
  type GgufScalar,
  type GgufScalarType,
  type GgufTensor,
  type GgufTensorType,
  type GgufValue,
  ggufTensorOf,
  ggufValue,
  isGgufFloatType,
  isNumberList,
  readGguf,
  readGgufTensor,
  readGgufTensorBytes,
  readGgufTensorPieces,
  readGgufTensorRows,
} from "../../sdk/kit.ts";
export { type ConvertedLlm, type ConvertLlmOptions, convertLlm } from "./convert/convert-llm.ts";
export type { GgufTensorLayout } from "./lay-out.ts";
export { type GgufChanges, requireOtherFile, rewriteGguf } from "./rewrite-gguf.ts";
export {
  type GgufTensorData,
  type GgufTensorToWrite,
  streamGguf,
  type WriteGgufTensor,
  writeGguf,
} from "./write-gguf.ts";
