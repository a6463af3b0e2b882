import * as z from "zod";
import type { TensorRef } from "../../weights/tensor-ref.ts";
import { rmsNorm as norm } from "../layers/norm.ts";
import { epsilon, type OpKind, requireWidth, small, tensor } from "./op.ts";

/** x / sqrt(mean(x²) + epsilon) * (weight + offset), over each token. Gemma stores its weights with 1 taken off. */
export interface RmsNormOp {
  readonly op: "rms_norm";
  /** [width] */
  readonly weight: TensorRef;
  readonly offset: 0 | 1;
  readonly epsilon: number;
}

export const rmsNorm: OpKind<RmsNormOp, { readonly name: string; readonly epsilon: number }> = {
  op: "rms_norm",
  fields: { weight: tensor, offset: z.literal([0, 1]).describe("0 or 1"), epsilon },
  widthAfter({ weight }, width) {
    requireWidth(weight, 0, width);
    return width;
  },
  build: (g, { value }, { weight, offset, epsilon }) => ({ value: norm(g, value, weight, offset, epsilon) }),
  mmproj: {
    constants: ({ epsilon }) => ({ epsilon }),
    tensors: ({ weight, offset }, { name }) => [small(`${name}.weight`, weight, offset)],
  },
};
