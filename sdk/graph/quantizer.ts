import type { Checkpoint, QuantizerSpec } from "../checkpoint/checkpoint.ts";
import { expected } from "../errors.ts";
import { GraphBuilder, type OnnxModel, type Value } from "./graph-builder.ts";
import { DataType } from "./onnx-proto.ts";

/**
 * SimVQ's nearest code (arXiv 2411.02038): the row of E = C Wᵀ (+ b) with the smallest L2 distance.
 *
 * - input `quantizer_input`: float32 [t, layers * D], as the encoder graph gives it
 * - output `ids`: int32 [t]; of equally near codes the lowest, as torch.argmin
 * - output `scores`: float32 [t], z·e - |e|²/2 of that code; not finite where a weight or an input is not
 *
 * @throws VqraeError UNSUPPORTED for an encoder alone.
 */
export function buildQuantizerGraph(checkpoint: Checkpoint): OnnxModel {
  const quantizer = requireQuantizer(checkpoint);
  const { size, dim, inProjection } = quantizer;
  const inputWidth = quantizer.layers.length * checkpoint.encoder.hiddenSize;
  const g = new GraphBuilder("quantizer");

  const x = g.input("quantizer_input", DataType.float, ["tokens", inputWidth]); // [t, layers * D]
  const z = g.linear(x, inProjection); //                                          [t, e]

  // E depends on weights only: onnxruntime computes it once, when the session is created.
  const codes = g.linear(g.weight(quantizer.codebook, [size, dim]), quantizer.codebookProjection); // [K, e]

  // argmin |z - e|² = argmax z·e - |e|²/2: |z|² is the same for every code, and leaving it out keeps its rounding out.
  const halfSquares = g.multiply(g.sumOfSquares(codes), g.float(-0.5)); // [K]
  const scores = g.gemm(z, codes, halfSquares); //                         [t, K]
  const { values, columns } = g.largest(scores); //                        [t, 1]
  g.output("ids", g.cast(g.reshape(columns, [-1]), DataType.int32), DataType.int32, ["tokens"]);
  g.output("scores", g.reshape(values, [-1]), DataType.float, ["tokens"]);
  return g.finish();
}

/**
 * - input `ids`: int64 [t], each in [0, K): the caller checks, since ONNX reads -1 as the last row
 * - output `vectors`: float32 [t, e], rows of E
 *
 * @throws VqraeError UNSUPPORTED for an encoder alone.
 */
export function buildCodebookGraph(checkpoint: Checkpoint): OnnxModel {
  const quantizer = requireQuantizer(checkpoint);
  const g = new GraphBuilder("codebook");
  const ids = g.input("ids", DataType.int64, ["tokens"]); // [t]
  g.output("vectors", codeVectors(g, quantizer, ids), DataType.float, ["tokens", quantizer.dim]); // [t, e]
  return g.finish();
}

/** ids [t] -> rows of E [t, e]. Rows of C are taken first and then projected, so that E is never made whole. */
export function codeVectors(g: GraphBuilder, { codebook, codebookProjection }: QuantizerSpec, ids: Value): Value {
  return g.linear(g.gatherRows(codebook, ids), codebookProjection);
}

function requireQuantizer({ quantizer, modelId }: Checkpoint): QuantizerSpec {
  if (quantizer) return quantizer;
  throw expected("UNSUPPORTED", "a checkpoint with a codebook", "ids", modelId, {
    mend: "This checkpoint is an encoder alone and gives features only.",
  });
}
