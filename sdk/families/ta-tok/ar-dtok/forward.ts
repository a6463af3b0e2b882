import { silu } from "../../../nn/layers/activation.ts";
import { norm } from "../../../nn/layers/norm.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../../nn/onnx/graph-builder.ts";
import { DataType } from "../../../nn/onnx/onnx-proto.ts";
import type { ArDtokBlock, ArDtokSpec } from "./spec.ts";

/** RMSNorm's epsilon (tok/ar_dtok/ar_model.py of csuhan/Tar). */
const EPSILON = 1e-5;

/** What one step of the graph is about, as values of the graph. */
interface Step {
  readonly heads: number;
  readonly width: number;
  /** int64 [2]: b and t. */
  readonly leading: Value;
  /** float32 [t, c + t]: 0 for what a token hears, far below all scores for what it does not. */
  readonly mask: Value;
  /** int64 [1]: c. */
  readonly cached: Value;
}

/**
 * The logits after some tokens more. b rows, such as one with the condition and one without; c tokens that were there before, in
 * caches that the caller keeps; t = m + n new tokens, m of the condition and n ids. D = heads * d.
 *
 * - input `condition`: float32 [b, m, conditionDim]
 * - input `ids`: int64 [b, n], each in [0, K)
 * - input `positions`: int64 [t]
 * - input `mask`: float32 [t, c + t], added to the scores
 * - inputs `keys_0`, `values_0`, ...: float32 [b, heads, c, d], of each block
 * - output `logits`: float32 [b, K], after the last token
 * - outputs `new_keys_0`, `new_values_0`, ...: float32 [b, heads, t, d]
 */
export function buildArDtok(spec: ArDtokSpec, settings: GraphSettings): OnnxModel {
  const { width, heads, conditionDim, embeddings, positions } = spec;
  const size = width / heads;
  const [codes = 0] = embeddings.shape;
  const g = new GraphBuilder("drawer", settings);
  const condition = g.input("condition", DataType.float, ["rows", "m", conditionDim]);
  const ids = g.input("ids", DataType.int64, ["rows", "n"]);
  const places = g.input("positions", DataType.int64, ["t"]);
  const mask = g.input("mask", DataType.float, ["t", "all"]);
  const caches = spec.blocks.map((_, i) => ({
    keys: g.input(`keys_${i}`, DataType.float, ["rows", heads, "c", size]),
    values: g.input(`values_${i}`, DataType.float, ["rows", heads, "c", size]),
  }));

  const asRows = g.linear(g.reshape(condition, [-1, conditionDim]), spec.condition); //               [b * m, D]
  const before = g.node("Shape", [condition], { start: { int: 0 }, end: { int: 2 } }); //             b, m
  const conditions = reshapedTo(g, asRows, before, [width]); //                                       [b, m, D]
  const tokens = g.concat([conditions, g.gatherRows(embeddings, ids)], 1); //                          [b, t, D]
  const [, places_ = 0] = positions.shape;
  const rowOf = g.gatherRows({ ...positions, shape: [places_, width] }, places); //                    [t, D]
  const x = g.add(tokens, rowOf);
  const leading = g.node("Shape", [x], { start: { int: 0 }, end: { int: 2 } });
  const cached = g.node("Shape", [caches[0]?.keys ?? ids], { start: { int: 2 }, end: { int: 3 } });
  const step: Step = { heads, width, leading, mask, cached };

  let h = g.reshape(x, [-1, width]); //                                                                [b * t, D]
  for (const [i, one] of spec.blocks.entries()) {
    const cache = caches[i] ?? { keys: "", values: "" };
    const heard = attention(g, norm(g, h, one.attentionNorm, width, EPSILON), one, cache, step);
    g.output(`new_keys_${i}`, heard.keys, DataType.float, ["rows", heads, "t", size]);
    g.output(`new_values_${i}`, heard.values, DataType.float, ["rows", heads, "t", size]);
    h = g.add(h, heard.rows);
    h = g.add(h, gatedMlp(g, norm(g, h, one.mlpNorm, width, EPSILON), one));
  }
  const last = g.slice(reshapedTo(g, h, leading, [width]), 1, -1); //                                  [b, 1, D]
  const logits = g.linear(norm(g, g.reshape(last, [-1, width]), spec.finalNorm, width, EPSILON), spec.output);
  g.output("logits", logits, DataType.float, ["rows", codes]);
  return g.finish();
}

/**
 * softmax(q kᵀ / sqrt(d) + mask) v over what is cached and what is new. The two are never put together, which would copy the
 * cache: scores are, and the sums of both parts are added.
 */
function attention(
  g: GraphBuilder,
  x: Value,
  { queryKeyValue, attentionOut }: ArDtokBlock,
  cache: { readonly keys: Value; readonly values: Value },
  { heads, width, leading, mask, cached }: Step,
): { readonly rows: Value; readonly keys: Value; readonly values: Value } {
  const size = width / heads;
  const all = reshapedTo(g, g.linear(x, queryKeyValue), leading, [3, heads, size]); //       [b, t, 3, heads, d]
  const parts = g.transpose(all, [2, 0, 3, 1, 4]); //                                        [3, b, heads, t, d]
  const part = (i: number) => g.node("Gather", [parts, g.integer(i)], { axis: { int: 0 } });
  const [query, keys, values] = [part(0), part(1), part(2)]; //                              [b, heads, t, d]
  const scaled = g.multiply(query, g.float(1 / Math.sqrt(size)));
  const turned = (k: Value) => g.transpose(k, [0, 1, 3, 2]);
  const scores = g.concat([g.product(scaled, turned(cache.keys)), g.product(scaled, turned(keys))], 3);
  const weights = g.node("Softmax", [g.add(scores, mask)], { axis: { int: -1 } }); //        [b, heads, t, c + t]
  const cut = (start: Value, end: Value) => g.node("Slice", [weights, start, end, g.ints([3])]);
  const ofCached = g.product(cut(g.ints([0]), cached), cache.values);
  const ofNew = g.product(cut(cached, g.ints([Number.MAX_SAFE_INTEGER])), values);
  const heard = g.transpose(g.add(ofCached, ofNew), [0, 2, 1, 3]); //                        [b, t, heads, d]
  return { rows: g.linear(g.reshape(heard, [-1, width]), attentionOut), keys, values };
}

/** down(silu(gate x) * up x), x [b * t, D] */
function gatedMlp(g: GraphBuilder, x: Value, { gate, up, down }: ArDtokBlock): Value {
  return g.linear(g.multiply(silu(g, g.linear(x, gate)), g.linear(x, up)), down);
}

/** x as [...leading, ...rest], of which a size may be 0. */
const reshapedTo = (g: GraphBuilder, x: Value, leading: Value, rest: readonly number[]): Value =>
  g.node("Reshape", [x, g.concat([leading, g.ints(rest)], 0)], { allowzero: { int: 1 } });
