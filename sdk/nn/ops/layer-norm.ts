import type { TensorRef } from "../../weights/tensor-ref.ts";
import { norm } from "../layers/norm.ts";
import { epsilon, type OpKind, requireWidth, small, tensor } from "./op.ts";

/** (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias, over each token. */
export interface LayerNormOp {
  readonly op: "layer_norm";
  /** [width] */
  readonly weight: TensorRef;
  /** [width] */
  readonly bias: TensorRef;
  readonly epsilon: number;
}

export const layerNorm: OpKind<LayerNormOp, { readonly name: string; readonly epsilon: number }> = {
  op: "layer_norm",
  fields: { weight: tensor, bias: tensor, epsilon },
  widthAfter({ weight, bias }, width) {
    for (const own of [weight, bias]) requireWidth(own, 0, width);
    return width;
  },
  build: (g, { value, width }, op) => ({ value: norm(g, value, op, width, op.epsilon) }),
  mmproj: {
    constants: ({ epsilon }) => ({ epsilon }),
    tensors: ({ weight, bias }, { name }) => [small(`${name}.weight`, weight), small(`${name}.bias`, bias)],
  },
};
