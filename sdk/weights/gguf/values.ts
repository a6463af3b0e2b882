/** Types whose values are numbers. */
export type GgufNumberType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64";
/** Types whose values need all 64 bits. */
export type GgufBigintType = "uint64" | "int64";
export type GgufScalarType = GgufNumberType | GgufBigintType | "bool" | "string";

export type GgufScalar =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: GgufBigintType; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string };

/** A list of one element type. llama.cpp reads no lists of lists, the format has them. */
export type GgufArray =
  | { readonly type: "array"; readonly of: GgufNumberType; readonly value: readonly number[] }
  | { readonly type: "array"; readonly of: GgufBigintType; readonly value: readonly bigint[] }
  | { readonly type: "array"; readonly of: "bool"; readonly value: readonly boolean[] }
  | { readonly type: "array"; readonly of: "string"; readonly value: readonly string[] }
  | { readonly type: "array"; readonly of: "array"; readonly value: readonly GgufArray[] };

/** A metadata value of a GGUF file, with the type that it is stored in. */
export type GgufValue = GgufScalar | GgufArray;

type NumberList = Extract<GgufArray, { readonly of: GgufNumberType }>;

const numberTypes: ReadonlySet<string> = new Set([
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "float64",
] satisfies GgufNumberType[]);

export const isNumberList = (value: GgufValue): value is NumberList =>
  value.type === "array" && numberTypes.has(value.of);

/** Short ways to write the values that model files use most. */
export const ggufValue = {
  bool: (value: boolean): GgufValue => ({ type: "bool", value }),
  uint32: (value: number): GgufValue => ({ type: "uint32", value }),
  float32: (value: number): GgufValue => ({ type: "float32", value }),
  string: (value: string): GgufValue => ({ type: "string", value }),
  int32s: (value: readonly number[]): GgufValue => ({ type: "array", of: "int32", value }),
  float32s: (value: readonly number[]): GgufValue => ({ type: "array", of: "float32", value }),
  strings: (value: readonly string[]): GgufValue => ({ type: "array", of: "string", value }),
} as const;
