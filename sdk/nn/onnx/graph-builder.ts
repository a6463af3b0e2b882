import { basename } from "node:path";
import { present } from "../../errors.ts";
import { requireFloats } from "../../weights/dtypes.ts";
import { type Floats, placeOf } from "../../weights/made/floats.ts";
import type { AnyLinearRef, Int8LinearRef, TensorRef, WeightDtype } from "../../weights/tensor-ref.ts";
import {
  type Attribute,
  DataType,
  type Dimension,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./onnx-proto.ts";
import { weightsFolder } from "./weights-folder.ts";

/** An ONNX model whose weights stay in the checkpoint's own safetensors files. */
export interface OnnxModel {
  readonly bytes: Uint8Array;
  /** The folder that the weights' locations are relative to and below (`model_external_initializers_file_folder_path`). */
  readonly weightsFolder: string;
  /** The files of its weights, and what each was when its header was read. */
  readonly identities: readonly (readonly [file: string, identity: string])[];
  /** Names of nodes that onnxruntime's WebGPU provider takes and cannot run: they stay on the CPU. */
  readonly cpuNodes: readonly string[];
}

/** What a graph takes into account of the device that it is to run on, and of the weights that were made for it. */
export interface GraphSettings {
  /** Attention as one operator (default), or written out for devices where that one is wrong. */
  readonly fusedAttention?: boolean;
  /** Large weights of convolutions stay in the file, for a few percent of time: see `GraphBuilder.convolutionWeight`. */
  readonly largeConvolutionsInPlace?: boolean;
  /** Tensors to take in the place of stored ones. */
  readonly floats?: Floats;
}

/**
 * Numbers. In the published CNN tokenizers those of 256 channels and more have as many, which are most of the weights; they see few
 * pixels, and so take little of the time (docs/speed.md, "A CNN tokenizer").
 */
const LARGE_CONVOLUTION = 2 ** 19;

/** The name of a tensor inside the graph. */
export type Value = string;

const weightTypes: Record<WeightDtype | "I8", DataType> = {
  F32: DataType.float,
  F16: DataType.float16,
  BF16: DataType.bfloat16,
  I8: DataType.int8,
};

/** An initializer whose bytes stay in a file. */
interface StoredWeight extends Omit<TensorProto, "data"> {
  /** Absolute path. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A tensor in 8 bits: value = (byte - zeroPoint) * scale, all bytes sharing both. */
interface Quantized {
  readonly bytes: Value;
  readonly scale: Value;
  readonly zeroPoint: Value;
}

/** Collects the nodes of one graph. Every method that computes returns the name of its result. */
export class GraphBuilder {
  readonly #name: string;
  readonly #settings: GraphSettings;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto | StoredWeight>();
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];
  readonly #casts = new Map<Value, Value>();
  readonly #cpuNodes: string[] = [];
  readonly #quantized = new Map<Value, Quantized>();
  /** The files of weights, by what the graph calls them. */
  readonly #files = new Map<string, string>();
  readonly #identities = new Map<string, string>();

  constructor(name: string, settings: GraphSettings = {}) {
    this.#name = name;
    this.#settings = settings;
  }

  /** Attention as one operator, or written out for devices where that one is wrong. */
  get fusedAttention(): boolean {
    return this.#settings.fusedAttention ?? true;
  }

  /** Leaves a node to the CPU where onnxruntime's WebGPU provider takes it and cannot run it. */
  keepOnCpu(node: Value): void {
    this.#cpuNodes.push(node);
  }

  // --- inputs and outputs ---

  input(name: string, type: DataType, shape: readonly Dimension[]): Value {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, value: Value, type: DataType, shape: readonly Dimension[]): void {
    this.node("Identity", [value], {}, { output: name });
    this.#outputs.push({ name, type, shape });
  }

  /** @throws VqraeError INVALID_CHECKPOINT where no folder holds all weights: on different drives of Windows. */
  finish(): OnnxModel {
    const { folder, locations } = weightsFolder([...this.#files.values()]);
    const initializers = Array.from(this.#initializers.values(), (initializer): TensorProto => {
      if (!("file" in initializer)) return initializer;
      const { file, offset, length, ...tensor } = initializer;
      return { ...tensor, data: { location: present(locations.get(file), file), offset, length } };
    });
    const bytes = encodeModel({
      name: this.#name,
      nodes: this.#nodes,
      initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
    return { bytes, weightsFolder: folder, identities: [...this.#identities], cpuNodes: this.#cpuNodes };
  }

  // --- weights and constants ---

  /** A tensor of the checkpoint as float32. `shape` reads the same bytes as another shape of as many elements. */
  weight(ref: TensorRef, shape: readonly number[] = ref.shape): Value {
    const taken = this.#taken(ref);
    const stored = this.#stored(taken, shape);
    return taken.dtype === "F32" ? stored : this.#castOnce(stored);
  }

  /**
   * The weight of a convolution. A large one is an input with a default value, which onnxruntime's optimizer does not take for a
   * constant: it stays in the file, where a constant is laid out anew in memory of each session's own.
   */
  convolutionWeight(ref: TensorRef): Value {
    const taken = this.#taken(ref);
    const size = ref.shape.reduce((product, side) => product * side, 1);
    const inPlace = this.#settings.largeConvolutionsInPlace && size >= LARGE_CONVOLUTION;
    // Of 16 bits a constant is widened once, and anything else at every run.
    if (!inPlace || taken.dtype !== "F32") return this.weight(ref);
    const stored = this.#stored(taken, ref.shape);
    if (!this.#inputs.some(({ name }) => name === stored)) this.input(stored, DataType.float, ref.shape);
    return stored;
  }

  floats(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Value {
    return this.#constant(DataType.float, shape, Float32Array.from(values));
  }

  /** A float32 scalar. */
  float(value: number): Value {
    return this.floats([value], []);
  }

  /** An int64 scalar. */
  integer(value: number): Value {
    return this.#constant(DataType.int64, [], BigInt64Array.of(BigInt(value)));
  }

  ints(values: readonly number[]): Value {
    return this.#constant(DataType.int64, [values.length], BigInt64Array.from(values, BigInt));
  }

  // --- linear algebra ---

  /** a [m, k], b [k, n] -> [m, n] */
  product(a: Value, b: Value): Value {
    return this.node("MatMul", [a, b]);
  }

  /** x [t, in], weight [out, in], bias [out] -> [t, out]; weight [in, out] where not `transposeWeight` */
  gemm(x: Value, weight: Value, bias: Value | null, transposeWeight = true): Value {
    const attributes = { transB: { int: transposeWeight ? 1 : 0 } };
    return this.node("Gemm", bias === null ? [x, weight] : [x, weight, bias], attributes);
  }

  /** x [t, in] -> [t, out] */
  linear(x: Value, linear: AnyLinearRef): Value {
    if ("columns" in linear) return this.#int8Linear(x, linear);
    return this.gemm(x, this.weight(linear.weight), linear.bias && this.weight(linear.bias));
  }

  // --- element by element, with broadcasting ---

  add(a: Value, b: Value): Value {
    return this.node("Add", [a, b]);
  }

  subtract(a: Value, b: Value): Value {
    return this.node("Sub", [a, b]);
  }

  multiply(a: Value, b: Value): Value {
    return this.node("Mul", [a, b]);
  }

  /** Of integers the whole part. */
  divide(a: Value, b: Value): Value {
    return this.node("Div", [a, b]);
  }

  clip(x: Value, low: number, high: number): Value {
    return this.node("Clip", [x, this.float(low), this.float(high)]);
  }

  /** To the nearest integer, halves to the even one. */
  round(x: Value): Value {
    return this.node("Round", [x]);
  }

  cast(x: Value, to: DataType): Value {
    return this.node("Cast", [x], { to: { int: to } });
  }

  // --- shapes ---

  /** -1 stands for the one size that follows from the others, 0 for that of `x` in the same place. */
  reshape(x: Value, shape: readonly number[]): Value {
    return this.node("Reshape", [x, this.ints(shape)]);
  }

  /** The same with a shape that the graph computes, int64 [rank]. */
  reshapeTo(x: Value, shape: Value): Value {
    return this.node("Reshape", [x, shape]);
  }

  /** x [n, ..] -> [n, all the rest] */
  flatten(x: Value): Value {
    return this.node("Flatten", [x], { axis: { int: 1 } });
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    return this.node("Transpose", [x], { perm: { ints: permutation } });
  }

  /** x[start:end] along `axis`, to the last one by default. */
  slice(x: Value, axis: number, start: number, end: number = Number.MAX_SAFE_INTEGER): Value {
    return this.node("Slice", [x, this.ints([start]), this.ints([end]), this.ints([axis])]);
  }

  concat(values: readonly Value[], axis: number): Value {
    const [only, ...others] = values;
    if (only !== undefined && others.length === 0) return only;
    return this.node("Concat", values, { axis: { int: axis } });
  }

  /** x [1, ...shape] -> [n, ...shape], n being the first size of `like`. */
  repeatLike(x: Value, like: Value, shape: readonly number[]): Value {
    const count = this.node("Shape", [like], { start: { int: 0 }, end: { int: 1 } });
    return this.node("Expand", [x, this.concat([count, this.ints(shape)], 0)]);
  }

  // --- search ---

  /** table[ids]: rows of a checkpoint's tensor [rows, d] by ids [..] -> float32 [.., d]; only those rows are converted. */
  gatherRows(table: TensorRef, ids: Value): Value {
    const taken = this.#taken(table);
    const rows = this.node("Gather", [this.#stored(taken, table.shape), ids], { axis: { int: 0 } });
    return taken.dtype === "F32" ? rows : this.cast(rows, DataType.float);
  }

  /** The mean over `axes`, which are left out of the result's shape. */
  mean(x: Value, axes: readonly number[]): Value {
    return this.node("ReduceMean", [x, this.ints(axes)], { keepdims: { int: 0 } });
  }

  /** The sum over `axis`, which is left out of the result's shape. */
  sum(x: Value, axis: number): Value {
    return this.node("ReduceSum", [x, this.ints([axis])], { keepdims: { int: 0 } });
  }

  /** x [t, d] -> the sum of squares of each row [t] */
  sumOfSquares(x: Value): Value {
    return this.node("ReduceSumSquare", [x, this.ints([1])], { keepdims: { int: 0 } });
  }

  /**
   * x [t, k] -> each row's `count` largest values [t, count], descending, and their columns, int64 [t, count]; of equal
   * ones the lower column first (ONNX TopK). It adds little to the product before it, whatever the count.
   */
  largest(x: Value, count: number): { values: Value; columns: Value } {
    const columns = `TopK_${this.#nodes.length}_columns`;
    const values = this.node("TopK", [x, this.ints([count])], { axis: { int: 1 } }, { alsoOutputs: [columns] });
    return { values, columns };
  }

  /** uint8 x [t, d], of which 128 stands for 0, and int8 y [d, k] -> x y times `scales` [k], float32 [t, k]. */
  integerProduct(x: Value, y: Value, scales: Value): Value {
    const zero = this.#constant(DataType.uint8, [], Uint8Array.of(128));
    const inputs = [x, y, this.float(1), scales, zero];
    return this.node("MatMulIntegerToFloat", inputs, {}, { domain: "com.microsoft" });
  }

  // --- inner parts ---

  /**
   * x [t, in] -> [t, out], products and sums in integers. onnxruntime makes one operator of this and the input's
   * quantisation where nothing else reads that.
   */
  #int8Linear(x: Value, { columns, scales, bias }: Int8LinearRef): Value {
    const { bytes, scale, zeroPoint } = this.#quantizeOnce(x);
    const weights = [this.#stored(columns, columns.shape), scale, this.weight(scales), zeroPoint];
    const noWeightZeroPoint = "";
    const inputs = [bytes, ...weights, ...(bias ? [noWeightZeroPoint, this.weight(bias)] : [])];
    return this.node("MatMulIntegerToFloat", inputs, {}, { domain: "com.microsoft" });
  }

  /** Query, key and value read the same bytes. */
  #quantizeOnce(x: Value): Quantized {
    const known = this.#quantized.get(x);
    if (known !== undefined) return known;
    const scale = `${x}_scale`;
    const zeroPoint = `${x}_zero_point`;
    const bytes = this.node("DynamicQuantizeLinear", [x], {}, { alsoOutputs: [scale, zeroPoint] });
    const result = { bytes, scale, zeroPoint };
    this.#quantized.set(x, result);
    return result;
  }

  #taken(ref: TensorRef): TensorRef<WeightDtype> {
    return requireFloats(this.#settings.floats?.get(placeOf(ref)) ?? ref);
  }

  #stored(ref: TensorRef<WeightDtype | "I8">, shape: readonly number[]): Value {
    const { file, offset, length, identity } = ref;
    if (identity !== undefined) this.#identities.set(file, identity);
    const name = `${this.#nameOf(file)}/${ref.name} [${shape.join(", ")}]`;
    this.#initializers.set(name, { name, type: weightTypes[ref.dtype], dims: shape, file, offset, length });
    return name;
  }

  /** A file's own name, which stands in onnxruntime's messages; numbered where another folder has one of that name. */
  #nameOf(file: string): string {
    let name = basename(file);
    for (let count = 2; (this.#files.get(name) ?? file) !== file; count++) name = `${basename(file)} (${count})`;
    this.#files.set(name, file);
    return name;
  }

  #castOnce(stored: Value): Value {
    const known = this.#casts.get(stored);
    if (known !== undefined) return known;
    const result = this.cast(stored, DataType.float);
    this.#casts.set(stored, result);
    return result;
  }

  #constant(type: DataType, dims: readonly number[], data: ArrayBufferView): Value {
    const name = `constant_${this.#initializers.size}`;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#initializers.set(name, { name, type, dims, data: bytes });
    return name;
  }

  /**
   * Any operator: `name` of ONNX's own domain or another one. Layers are built of it. Returns the first output's name.
   */
  node(
    opType: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: { domain?: string; output?: string; alsoOutputs?: readonly string[] } = {},
  ): Value {
    const { domain = "", output = `${opType}_${this.#nodes.length}`, alsoOutputs = [] } = options;
    const outputs = [output, ...alsoOutputs];
    this.#nodes.push({ name: output, opType, domain, inputs, outputs, attributes });
    return output;
  }
}
