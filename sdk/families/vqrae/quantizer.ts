import { GraphBuilder, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type { QuantizerSpec } from "./spec.ts";

/**
 * The vectors whose nearest codes (sdk/search) are the ids.
 *
 * - input `quantizer_input`: float32 [t, layers * D], or [t, D] for their sum, as the encoder graph gives it
 * - output `vectors`: float32 [t, e]; not finite where a weight or an input is not
 */
export function buildQuantizerGraph({ dim, inputWidth, inProjection }: QuantizerSpec): OnnxModel {
  const g = new GraphBuilder("quantizer");
  const x = g.input("quantizer_input", DataType.float, ["tokens", inputWidth]);
  g.output("vectors", g.linear(x, inProjection), DataType.float, ["tokens", dim]); // [t, e]
  return g.finish();
}

/**
 * Rows of the effective codebook of SimVQ (arXiv 2411.02038), E = C Wᵀ (+ b).
 *
 * - input `ids`: int64 [t], each in [0, K): the caller checks, since ONNX reads -1 as the last row
 * - output `vectors`: float32 [t, e], rows of E
 */
export function buildCodebookGraph(quantizer: QuantizerSpec): OnnxModel {
  const g = new GraphBuilder("codebook");
  const ids = g.input("ids", DataType.int64, ["tokens"]); // [t]
  g.output("vectors", codeVectors(g, quantizer, ids), DataType.float, ["tokens", quantizer.dim]); // [t, e]
  return g.finish();
}

/** ids [t] -> rows of E [t, e]. Rows of C are taken first and then projected, so that E is never made whole. */
export function codeVectors(g: GraphBuilder, { codebook, codebookProjection }: QuantizerSpec, ids: Value): Value {
  return g.linear(g.gatherRows(codebook, ids), codebookProjection);
}
