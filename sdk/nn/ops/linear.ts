import * as z from "zod";
import { expected } from "../../errors.ts";
import type { TensorRef } from "../../weights/tensor-ref.ts";
import { type OpKind, requireWidth, tensor } from "./op.ts";

/** weight x + bias, of each token. */
export interface LinearOp {
  readonly op: "linear";
  /** [out, in], or [in, out] where `transposed`. */
  readonly weight: TensorRef;
  /** [out] */
  readonly bias: TensorRef | null;
  readonly transposed: boolean;
}

/** A graph adds a bias or does not, and takes the weight in one of the two orders. */
interface LinearStep {
  readonly name: string;
  readonly bias: boolean;
  readonly transposed: boolean;
}

/**
 * The numbers of a token before and after it.
 * @throws INVALID_CHECKPOINT for a weight that is no matrix
 */
export function linearWidths({ weight, transposed }: Pick<LinearOp, "weight" | "transposed">): {
  into: number;
  out: number;
} {
  const [rows, columns, ...others] = weight.shape;
  if (rows === undefined || columns === undefined || others.length > 0)
    throw expected("INVALID_CHECKPOINT", "a matrix", `tensor ${weight.name} in ${weight.file}`, weight.shape);
  return transposed ? { into: rows, out: columns } : { into: columns, out: rows };
}

export const linear: OpKind<LinearOp, LinearStep> = {
  op: "linear",
  fields: {
    weight: tensor,
    bias: tensor.nullable().describe("a tensor of a checkpoint, or null"),
    transposed: z.boolean().describe("true or false"),
  },
  widthAfter(data, width) {
    const { weight, bias, transposed } = data;
    const { out } = linearWidths(data);
    requireWidth(weight, transposed ? 0 : 1, width);
    if (bias) requireWidth(bias, 0, out);
    return out;
  },
  build: (g, { value }, { weight, bias, transposed }) => ({
    value: g.gemm(value, g.weight(weight), bias && g.weight(bias), !transposed),
  }),
  mmproj: {
    // A graph that adds a bias takes zeros for one that is missing.
    constants: ({ bias, transposed }, step) => ({ bias: bias !== null || step.bias, transposed }),
    tensors(data, { name, bias }) {
      const { weight } = data;
      const zeros = { name: `${name}.bias`, shape: [linearWidths(data).out], source: data.bias };
      return [{ name: `${name}.weight`, shape: weight.shape, source: weight, large: true }, ...(bias ? [zeros] : [])];
    },
  },
};
