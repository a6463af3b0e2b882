import { activation } from "../../nn/layers/activation.ts";
import { GraphBuilder, type OnnxModel } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import type { LinearRef, TensorRef } from "../../weights/tensor-ref.ts";

/** Janus' layers between ids and its language model, of width W (transformers' names: `generation_*`). */
export interface JanusIdHead {
  /** W */
  readonly width: number;
  /** [codes, dim] */
  readonly embeddings: TensorRef;
  /** dim -> W -> W */
  readonly aligner: readonly [LinearRef, LinearRef];
  /** W -> middle -> codes */
  readonly head: readonly [LinearRef, LinearRef];
}

const LANDMARK = "generation_head.vision_head.weight";

/**
 * Finds its tensors; null for a checkpoint without any.
 * @throws INVALID_CHECKPOINT for a part that is missing, or of another shape than the codebook and the other parts have
 */
export function resolveIdHead(tensors: TensorLookup, codes: number, dim: number): JanusIdHead | null {
  const [prefix] = tensors.prefixesOf(LANDMARK);
  if (prefix === undefined) return null;
  const own = tensors.below(prefix);
  const [, width = 0] = own.tensor("generation_head.proj_out.weight", [null, null]).shape;
  const [, middle = 0] = own.tensor(LANDMARK, [codes, null]).shape;
  const head: JanusIdHead = {
    width,
    embeddings: own.tensor("generation_embeddings.weight", [codes, dim]),
    aligner: [
      own.linear("generation_aligner.fc1", [width, dim]),
      own.linear("generation_aligner.hidden_layers.0", [width, width]),
    ],
    head: [
      own.linear("generation_head.proj_out", [middle, width]),
      own.linear("generation_head.vision_head", [codes, middle]),
    ],
  };
  for (const part of ["generation_aligner.", "generation_head."]) own.below(part).requireAllUsed();
  return head;
}

/**
 * `prepare_gen_img_embeds` of janus/models/modeling_vlm.py.
 *
 * - input `ids`: int64 [t]
 * - output `embeddings`: float32 [t, W]
 */
export function buildIdEmbedder({ width, embeddings, aligner: [first, second] }: JanusIdHead): OnnxModel {
  const g = new GraphBuilder("id_embedder");
  const rows = g.gatherRows(embeddings, g.input("ids", DataType.int64, ["tokens"])); // [t, dim]
  const hidden = activation(g, g.linear(rows, first), "gelu"); //                       [t, W]
  g.output("embeddings", g.linear(hidden, second), DataType.float, ["tokens", width]);
  return g.finish();
}

/**
 * `vision_head` of janus/models/modeling_vlm.py.
 *
 * - input `hidden_states`: float32 [t, W], behind the language model's last norm
 * - output `logits`: float32 [t, codes]
 */
export function buildIdPredictor({ width, embeddings, head: [first, second] }: JanusIdHead): OnnxModel {
  const g = new GraphBuilder("id_predictor");
  const x = g.input("hidden_states", DataType.float, ["tokens", width]);
  const hidden = activation(g, g.linear(x, first), "gelu"); //                          [t, middle]
  g.output("logits", g.linear(hidden, second), DataType.float, ["tokens", embeddings.shape[0] ?? 0]);
  return g.finish();
}
