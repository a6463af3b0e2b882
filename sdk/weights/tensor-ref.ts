/** Element types that can be a weight as they are stored. */
export type WeightDtype = "F32" | "F16" | "BF16";

/** Types of a GGUF file whose blocks of bytes are brought to floats first (sdk/weights/gguf). */
export type BlockDtype = "Q8_0" | "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q4_K" | "Q5_K" | "Q6_K";

/**
 * Numbers of a torch file that do not lie one after the other, such as a transposed weight's, or that begin where no element of
 * theirs can: `strides` say where each one is. They are brought to floats first too.
 */
export type StridedDtype<D extends string = WeightDtype> = `STRIDED_${D}`;

/** What a weight can be as it lies in its file. */
export type LyingDtype = WeightDtype | BlockDtype | StridedDtype;

/** Where a tensor lies: a byte range of a safetensors, torch or GGUF file. Nothing is read until a graph needs it. */
export interface TensorRef<D extends LyingDtype | "I8" = LyingDtype> {
  /** The name inside the file, for messages. */
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Absolute path of the file, symbolic links resolved. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
  /** Of the file, as it was when its header was read. */
  readonly identity?: string;
  /** Of a `StridedDtype`: elements from one index to the next, of each axis; `length` goes from the first to the last of them. */
  readonly strides?: readonly number[];
}

export interface LinearRef {
  /** [out, in], as torch stores it. */
  readonly weight: TensorRef;
  /** [out], or null for a linear without bias. */
  readonly bias: TensorRef | null;
}

/** A linear in 8 bits: column o of torch's weight transposed is `scales[o]` times column o of `columns`. */
export interface Int8LinearRef {
  /** [in, out], as onnxruntime's MatMulIntegerToFloat takes it; -127 to 127. */
  readonly columns: TensorRef<"I8">;
  /** [out] */
  readonly scales: TensorRef;
  /** [out], or null for a linear without bias. */
  readonly bias: TensorRef | null;
}

export type AnyLinearRef = LinearRef | Int8LinearRef;

/** A LayerNorm; without bias an RMSNorm. */
export interface NormRef {
  /** [d] */
  readonly weight: TensorRef;
  /** [d] */
  readonly bias: TensorRef | null;
}

/**
 * Linears that read one input, through one norm where there is one. It is tagged so that what walks over a tree of weights
 * knows it: int8 folds norm and scale into the linears, and a graph quantises the input once for all.
 */
export interface LinearGroup<Name extends string = string, Linear extends AnyLinearRef = LinearRef> {
  readonly kind: "linears";
  /** Before them; null where the input comes from no norm. */
  readonly norm: NormRef | null;
  readonly linears: Readonly<Record<Name, Linear>>;
  /** [out]: what their outputs are multiplied by (a layer scale); null for most. */
  readonly scale: TensorRef | null;
}

export const isLinearGroup = (value: object): value is LinearGroup => "kind" in value && value.kind === "linears";

/** Tells a tensor from the other objects of an encoder's, quantizer's or decoder's spec. */
export const isTensorRef = (value: object): value is TensorRef =>
  "dtype" in value && "offset" in value && "length" in value;

/** Tags linears that read one input. */
export const linearGroup = <Name extends string>(
  linears: Readonly<Record<Name, LinearRef>>,
  { norm = null, scale = null }: { readonly norm?: NormRef | null; readonly scale?: TensorRef | null } = {},
): LinearGroup<Name> => ({ kind: "linears", norm, linears, scale });
