/**
 * The tensor types of ggml: the number that stands for each in a file, elements in a block, bytes of a block.
 * Source: llama.cpp's gguf-py, `GGMLQuantizationType` and `GGML_QUANT_SIZES` (0.19.0).
 */
const types = {
  F32: [0, 1, 4],
  F16: [1, 1, 2],
  Q4_0: [2, 32, 18],
  Q4_1: [3, 32, 20],
  Q5_0: [6, 32, 22],
  Q5_1: [7, 32, 24],
  Q8_0: [8, 32, 34],
  Q8_1: [9, 32, 40],
  Q2_K: [10, 256, 84],
  Q3_K: [11, 256, 110],
  Q4_K: [12, 256, 144],
  Q5_K: [13, 256, 176],
  Q6_K: [14, 256, 210],
  Q8_K: [15, 256, 292],
  IQ2_XXS: [16, 256, 66],
  IQ2_XS: [17, 256, 74],
  IQ3_XXS: [18, 256, 98],
  IQ1_S: [19, 256, 50],
  IQ4_NL: [20, 32, 18],
  IQ3_S: [21, 256, 110],
  IQ2_S: [22, 256, 82],
  IQ4_XS: [23, 256, 136],
  I8: [24, 1, 1],
  I16: [25, 1, 2],
  I32: [26, 1, 4],
  I64: [27, 1, 8],
  F64: [28, 1, 8],
  IQ1_M: [29, 256, 56],
  BF16: [30, 1, 2],
  TQ1_0: [34, 256, 54],
  TQ2_0: [35, 256, 66],
  MXFP4: [39, 32, 17],
  NVFP4: [40, 64, 36],
  Q1_0: [41, 128, 18],
} as const satisfies Record<string, readonly [id: number, elements: number, bytes: number]>;

export type GgufTensorType = keyof typeof types;

export const isTensorType = (value: unknown): value is GgufTensorType =>
  typeof value === "string" && Object.hasOwn(types, value);
export const tensorTypeNames = Object.keys(types).filter(isTensorType);
const byId = new Map<number, GgufTensorType>(tensorTypeNames.map((name) => [types[name][0], name]));

export const tensorTypeId = (type: GgufTensorType): number => types[type][0];
export const tensorTypeOfId = (id: number): GgufTensorType | undefined => byId.get(id);
/** Elements of one block: rows are whole blocks. */
export const blockSize = (type: GgufTensorType): number => types[type][1];

/** Bytes of a tensor; NaN where its rows are no whole blocks or its size is not exact in a double. */
export function tensorBytes(type: GgufTensorType, shape: readonly number[]): number {
  const [, elements, bytes] = types[type];
  if ((shape.at(-1) ?? 1) % elements !== 0) return Number.NaN;
  // A zero anywhere makes the tensor empty, however large the other sizes are.
  if (shape.includes(0)) return 0;
  let total = bytes / elements; // exact: a whole number of blocks follows
  for (const size of shape.toReversed()) {
    total *= size;
    if (total > Number.MAX_SAFE_INTEGER) return Number.NaN;
  }
  return total;
}
