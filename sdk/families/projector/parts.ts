import * as z from "zod";
import type { ImageLayout, TileLayout } from "../../contract/projector.ts";
import type { ActivationOp } from "../../nn/ops/activation.ts";
import type { LayerNormOp } from "../../nn/ops/layer-norm.ts";
import { type LinearOp, linearWidths } from "../../nn/ops/linear.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { type ActivationName, activations } from "../fields/activations.ts";
import { looseSection, positiveInteger } from "../fields/config-fields.ts";

/** What several families of projectors share. */

/** A linear of whatever size the file has: what comes before and after it must fit. `out`: what config.json says. */
export function linear(
  tensors: TensorLookup,
  name: string,
  { bias = true, out }: { bias?: boolean; out?: number | undefined } = {},
): LinearOp {
  const weight = tensors.tensor(`${name}.weight`, [out ?? null, null]);
  const sizes = { weight, transposed: false };
  const biasRef = bias ? tensors.tensor(`${name}.bias`, [linearWidths(sizes).out]) : null;
  return { op: "linear", ...sizes, bias: biasRef };
}

/** Numbers that a linear takes. */
export const widthInto = (linear: LinearOp): number => linearWidths(linear).into;

export function layerNorm(tensors: TensorLookup, name: string, epsilon = 1e-5): LayerNormOp {
  const weight = tensors.tensor(`${name}.weight`, [null]);
  return { op: "layer_norm", weight, bias: tensors.tensor(`${name}.bias`, weight.shape), epsilon };
}

export const activation = (name: ActivationName): ActivationOp => ({ op: "activation", kind: activations[name] });

/** A layout with nothing between an image's views. */
export const plainTiles: TileLayout = { kind: "separate", tile: "", rowEnd: "", whole: "", wholeAlone: "" };

export const layout = (parts: Partial<ImageLayout>): ImageLayout => ({
  prefix: "",
  suffix: "",
  tiles: plainTiles,
  attention: "causal",
  ...parts,
});

/** The side of the cells that become one token, from what a config says is left of each side: 0.5 means 2. */
export const downsampleRatio = z
  .number({ error: "1 / a whole number" })
  .refine((ratio) => ratio > 0 && Math.abs(1 / ratio - Math.round(1 / ratio)) < 1e-6, { error: "1 / a whole number" })
  .transform((ratio) => Math.round(1 / ratio));

/** The language model's part of a config, which may leave its width to the model's default. */
export const textConfig = looseSection({ hidden_size: positiveInteger.optional() }).optional();
