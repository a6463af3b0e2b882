import type { TensorRef } from "../../weights/tensor-ref.ts";
import { silu } from "../layers/activation.ts";
import { type OpKind, requireWidth, tensor } from "./op.ts";

/** down (silu(gate x) * up x), of each token; no biases. */
export interface GatedMlpOp {
  readonly op: "gated_mlp";
  /** [inner, width] */
  readonly gate: TensorRef;
  /** [inner, width] */
  readonly up: TensorRef;
  /** [out, inner] */
  readonly down: TensorRef;
}

export const gatedMlp: OpKind<GatedMlpOp> = {
  op: "gated_mlp",
  fields: { gate: tensor, up: tensor, down: tensor },
  widthAfter({ gate, up, down }, width) {
    for (const own of [gate, up]) requireWidth(own, 1, width);
    const [inner = 0] = gate.shape;
    requireWidth(up, 0, inner);
    requireWidth(down, 1, inner);
    return down.shape[0] ?? 0;
  },
  build(g, { value }, { gate, up, down }) {
    const through = (x: typeof value, weight: TensorRef) => g.gemm(x, g.weight(weight), null);
    return { value: through(g.multiply(silu(g, through(value, gate)), through(value, up)), down) };
  },
};
