import * as z from "zod";
import { type Activation, activation as apply } from "../layers/activation.ts";
import type { OpKind } from "./op.ts";

type Kind = Exclude<Activation, "swiglu">;

/** An activation, number by number. */
export interface ActivationOp {
  readonly op: "activation";
  readonly kind: Kind;
}

const kinds: readonly Kind[] = ["gelu", "gelu_tanh", "quick_gelu"];

/** What ggml computes for an activation: its gelu is the tanh form, from a table of halves. */
export const ggmlActivation = (kind: Activation): Activation => (kind === "gelu_tanh" ? "gelu" : kind);

export const activation: OpKind<ActivationOp, { readonly kind: Activation }> = {
  op: "activation",
  fields: { kind: z.enum(kinds).describe(`one of ${kinds.join(", ")}`) },
  widthAfter: (_, width) => width,
  build: (g, { value }, { kind }) => ({ value: apply(g, value, kind) }),
  mmproj: { constants: ({ kind }) => ({ kind: ggmlActivation(kind) }), tensors: () => [] },
};
