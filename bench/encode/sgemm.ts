import { InferenceSession, Tensor } from "onnxruntime-node";
import { GraphBuilder } from "../../sdk/nn/onnx/graph-builder.ts";
import { DataType } from "../../sdk/nn/onnx/onnx-proto.ts";

/** The sizes that decide an encoder's arithmetic, in the names of a Hugging Face vision config. */
export interface Sizes {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly patch_size: number;
}

/** Multiplications and additions of one image's matrix products: patches, blocks and attention. */
export function encoderFlops(sizes: Sizes, tokens: number): number {
  const { hidden_size: d, intermediate_size: m, num_hidden_layers: layers, patch_size: p } = sizes;
  const block = 4 * d * d + 2 * d * m + 2 * tokens * d; // q, k, v, out; fc1, fc2; scores and their product with v
  return 2 * tokens * (3 * p * p * d + layers * block);
}

/** A plain matrix product of onnxruntime's, of an MLP's first linear: [tokens, d] x [d, m]; gives its own FLOPs too. */
export async function openSgemm({ hidden_size: d, intermediate_size: m }: Sizes, tokens: number, threads: number) {
  const g = new GraphBuilder("sgemm");
  const weight = g.floats(new Array<number>(m * d).fill(0.01), [m, d]);
  g.output("y", g.gemm(g.input("x", DataType.float, [tokens, d]), weight, null), DataType.float, [tokens, m]);
  const session = await InferenceSession.create(g.finish().bytes, { intraOpNumThreads: threads });
  const x = new Tensor("float32", new Float32Array(tokens * d).fill(0.5), [tokens, d]);
  return { flops: 2 * tokens * d * m, run: () => session.run({ x }), dispose: () => session.release() };
}
