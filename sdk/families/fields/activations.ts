import type { Activation } from "../../nn/layers/activation.ts";
import { oneOf } from "./config-fields.ts";

/** What transformers calls its activations (`ACT2FN`). */
export const activations = {
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  quick_gelu: "quick_gelu",
} as const satisfies Record<string, Exclude<Activation, "swiglu">>;

export type ActivationName = keyof typeof activations;

/** The field of a config that names one. */
export const activationName = oneOf(...(Object.keys(activations) as [ActivationName]));
