import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";

/**
 * softmax(q kᵀ / sqrt(width / heads)) v of [n, t, width] each -> [n, t, width]. It is one operator where the device runs
 * that right, and else written out.
 */
export function attention(
  g: GraphBuilder,
  query: Value,
  key: Value,
  value: Value,
  heads: number,
  width: number,
): Value {
  if (g.fusedAttention) {
    const attributes = { num_heads: { int: heads } };
    return g.node("MultiHeadAttention", [query, key, value], attributes, { domain: "com.microsoft" });
  }
  const size = width / heads;
  const perHead = (x: Value, order: readonly number[]) => g.transpose(g.reshape(x, [0, 0, heads, size]), order);
  const [q, v] = [perHead(query, [0, 2, 1, 3]), perHead(value, [0, 2, 1, 3])]; //  [n, heads, t, size]
  const scores = g.product(q, perHead(key, [0, 2, 3, 1])); //                      [n, heads, t, t]
  const weights = g.node("Softmax", [g.multiply(scores, g.float(1 / Math.sqrt(size)))], { axis: { int: -1 } });
  const heard = g.transpose(g.product(weights, v), [0, 2, 1, 3]); //               [n, t, heads, size]
  return g.reshape(heard, [0, 0, width]);
}
