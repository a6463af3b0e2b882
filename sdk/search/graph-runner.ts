import type { Tensor, TypedTensor } from "onnxruntime-node";
import { expected } from "../errors.ts";

/** The graphs of search-graphs.ts by name. */
export type SearchGraph = "float32_search" | "int8_search" | "coordinates";

/** What holds a tensor's elements. */
export interface ElementArrays {
  float32: Float32Array;
  float64: Float64Array;
  int64: BigInt64Array;
  int8: Int8Array;
  uint8: Uint8Array;
}

/** A graph's outputs by name. */
export type Outputs = Record<string, Tensor | undefined>;

/** Runs the graphs of search-graphs.ts. */
export interface GraphRunner {
  tensor<T extends keyof ElementArrays>(type: T, data: ElementArrays[T], dims: readonly number[]): Tensor;
  run(graph: SearchGraph, feeds: Record<string, Tensor>, fetches: readonly string[]): Promise<Outputs>;
  /** Whether products of bytes are what integers multiply to, at full speed. */
  multipliesBytesExactly(): Promise<boolean>;
}

/**
 * The output `name` of a graph, as elements of `type`.
 * @throws RUNTIME where there is none of that type
 */
export function outputOf<T extends Tensor.Type>(outputs: Outputs, name: string, type: T): TypedTensor<T>["data"] {
  const tensor = outputs[name];
  if (!hasType(tensor, type)) throw expected("RUNTIME", `${type} numbers`, `the output ${name}`, tensor?.type);
  return tensor.data;
}

const hasType = <T extends Tensor.Type>(tensor: Tensor | undefined, type: T): tensor is Tensor & TypedTensor<T> =>
  tensor?.type === type;
