import type { Tensor } from "onnxruntime-node";

export type SearchGraph = "float32_search" | "int8_search" | "coordinates";

/** What holds a tensor's elements. */
export interface ElementArrays {
  float32: Float32Array;
  float64: Float64Array;
  int64: BigInt64Array;
  int8: Int8Array;
  uint8: Uint8Array;
}

/** Runs the graphs of search-graphs.ts. */
export interface GraphRunner {
  tensor<T extends keyof ElementArrays>(type: T, data: ElementArrays[T], dims: readonly number[]): Tensor;
  run(
    graph: SearchGraph,
    feeds: Record<string, Tensor>,
    fetches: readonly string[],
  ): Promise<Record<string, Tensor | undefined>>;
  /** Whether products of bytes are what integers multiply to, at full speed. */
  multipliesBytesExactly(): Promise<boolean>;
}
