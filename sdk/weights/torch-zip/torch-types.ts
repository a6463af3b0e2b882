import type { Dtype } from "../dtypes.ts";

/** torch's storage classes, by what their numbers are (torch/storage.py). */
const storages: Readonly<Record<string, Dtype>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
  "torch.ComplexFloatStorage": "C64",
};

/** The dtypes of tensors whose storage is a number of bytes. */
const dtypes: Readonly<Record<string, Dtype>> = {
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.float64": "F64",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint8": "U8",
  "torch.uint16": "U16",
  "torch.uint32": "U32",
  "torch.uint64": "U64",
  "torch.bool": "BOOL",
  "torch.complex64": "C64",
  "torch.float8_e5m2": "F8_E5M2",
  "torch.float8_e4m3fn": "F8_E4M3",
  "torch.float8_e8m0fnu": "F8_E8M0",
  "torch.float8_e4m3fnuz": "F8_E4M3FNUZ",
  "torch.float8_e5m2fnuz": "F8_E5M2FNUZ",
};

export const UNTYPED = "torch.storage.UntypedStorage";

/** undefined for a type that no tensor here has. */
export const storageDtype = (type: string): Dtype | undefined => own(storages, type);
export const tensorDtype = (name: string): Dtype | undefined => own(dtypes, name);

const own = (table: Readonly<Record<string, Dtype>>, key: string): Dtype | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;
