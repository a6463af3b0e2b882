import type { Tensor } from "onnxruntime-node";
import { expected, expectedBut } from "../../errors.ts";
import type { GraphName } from "../pool/protocol.ts";

export type Outputs = Record<string, Tensor | undefined>;

/** Refuses NaN and infinity: ids and pixels that come of them look like any others. */
export function floats(graph: GraphName, outputs: Outputs, name: string): Float32Array {
  const values = output(graph, outputs, name, Float32Array);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return values;
  throw expected(
    "RUNTIME",
    "finite numbers",
    outputOf(graph, name),
    values[bad],
    "Check the checkpoint's weights for NaN and infinity.",
  );
}

export function output<A>(graph: GraphName, outputs: Outputs, name: string, type: new (...args: never[]) => A): A {
  const tensor = outputs[name];
  if (tensor?.data instanceof type) return tensor.data;
  const received = tensor === undefined ? "no such output" : tensor.type;
  throw expectedBut("RUNTIME", type.name, outputOf(graph, name), received);
}

const outputOf = (graph: GraphName, name: string): string => `output "${name}" of the ${graph} graph`;

/** `count` equal parts, each with memory of its own, so that each can change thread by itself. */
export function split<A extends Float32Array | Int32Array | Uint8Array>(data: A, count: number): A[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, i) => data.slice(i * size, (i + 1) * size) as A);
}
