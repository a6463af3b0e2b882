import type { GraphBuilder, Value } from "../onnx/graph-builder.ts";

/**
 * "gelu" is the exact (erf) form, "gelu_tanh" the approximation that HF calls gelu_pytorch_tanh, "quick_gelu"
 * x * sigmoid(1.702 x), "swiglu" a gated MLP: silu of the first half times the second.
 */
export type Activation = "gelu" | "gelu_tanh" | "quick_gelu" | "swiglu";

/** Element by element. */
export function activation(g: GraphBuilder, x: Value, kind: Exclude<Activation, "swiglu">): Value {
  if (kind === "quick_gelu") return g.node("QuickGelu", [x], { alpha: { float: 1.702 } }, { domain: "com.microsoft" });
  return g.node("Gelu", [x], { approximate: { string: kind === "gelu_tanh" ? "tanh" : "none" } });
}

/** x * sigmoid(x) */
export const silu = (g: GraphBuilder, x: Value): Value => g.multiply(x, g.node("Sigmoid", [x]));

/** The gate of an MLP: x [t, 2 * width] -> silu of the first half times the second [t, width] */
export const swiglu = (g: GraphBuilder, x: Value, width: number): Value =>
  g.multiply(silu(g, g.slice(x, 1, 0, width)), g.slice(x, 1, width, 2 * width));
