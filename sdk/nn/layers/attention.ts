import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";
import { DataType } from "../onnx/onnx-proto.ts";

export interface AttentionOptions {
  /** int32 [n, t]: 1 for keys that are attended to, 0 for others (padding); all by default. Each row has a 1. */
  readonly keyMask?: Value;
}

/**
 * softmax(q kᵀ / sqrt(width / heads)) v of [n, t, width] each -> [n, t, width]. It is one operator where the device runs
 * that right, and else written out. Positions that rotate go into query and key before (`rotary`); windows are sequences of
 * their own (`toWindows`).
 */
export function attention(
  g: GraphBuilder,
  query: Value,
  key: Value,
  value: Value,
  heads: number,
  width: number,
  { keyMask }: AttentionOptions = {},
): Value {
  if (g.fusedAttention) {
    const inputs = [query, key, value, ...(keyMask === undefined ? [] : ["", keyMask])];
    return g.node("MultiHeadAttention", inputs, { num_heads: { int: heads } }, { domain: "com.microsoft" });
  }
  const size = width / heads;
  const perHead = (x: Value, order: readonly number[]) => g.transpose(g.reshape(x, [0, 0, heads, size]), order);
  const [q, v] = [perHead(query, [0, 2, 1, 3]), perHead(value, [0, 2, 1, 3])]; //  [n, heads, t, size]
  const scores = g.product(q, perHead(key, [0, 2, 3, 1])); //                      [n, heads, t, t]
  const scaled = g.multiply(scores, g.float(1 / Math.sqrt(size)));
  const weights = g.node("Softmax", [keyMask === undefined ? scaled : masked(g, scaled, keyMask)], {
    axis: { int: -1 },
  });
  const heard = g.transpose(g.product(weights, v), [0, 2, 1, 3]); //               [n, t, heads, size]
  return g.reshape(heard, [0, 0, width]);
}

/** scores [n, heads, t, t], far below all others where a key is masked. */
function masked(g: GraphBuilder, scores: Value, keyMask: Value): Value {
  const kept = g.cast(g.node("Unsqueeze", [keyMask, g.ints([1, 2])]), DataType.float); // [n, 1, 1, t]
  return g.add(scores, g.multiply(g.subtract(kept, g.float(1)), g.float(1e9)));
}
