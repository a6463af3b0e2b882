import { present } from "../../errors.ts";
import type { AnyLinearRef, LinearRef } from "../../weights/tensor-ref.ts";
import { norm } from "../layers/norm.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";
import { encoderBlocks } from "./encoder.ts";
import type { VitSpec } from "./vit-spec.ts";

/** A linear on the class token of the last block, after the final norm where there is one. */
export interface HeadSpec {
  /** [labels, D] */
  readonly classifier: LinearRef;
  /** The names of the classes, by index. */
  readonly labels: readonly string[];
}

/**
 * The encoder and behind it the classification head (transformers/models/vit, ViTForImageClassification). n images, K labels.
 *
 * - inputs `patches` and `grid`: as those of the encoder's graph
 * - output `logits`: float32 [n, K]
 */
export function buildClassifierGraph(
  { encoder, head }: { readonly encoder: VitSpec<AnyLinearRef>; readonly head: HeadSpec },
  settings: GraphSettings = {},
): OnnxModel {
  const { hiddenSize: d, layerNormEps, blocks } = encoder;
  const g = new GraphBuilder("classifier", settings);
  const { tap, sequences } = encoderBlocks(g, encoder, [blocks.length]);
  let z = tap(blocks.length); //                                                  [n * T, D]
  if (encoder.finalNorm) z = norm(g, z, encoder.finalNorm, d, layerNormEps);
  present(encoder.classToken, "a class token");
  const classToken = g.reshape(g.slice(g.reshape(z, [...sequences, d]), 1, 0, 1), [-1, d]); // [n, D]
  g.output("logits", g.linear(classToken, head.classifier), DataType.float, ["images", head.labels.length]);
  return g.finish();
}
