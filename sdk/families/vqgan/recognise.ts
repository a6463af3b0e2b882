import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { sizesOf } from "./sizes.ts";
import { vqganVariant, vqganVariantNames } from "./variants.ts";

/**
 * The config.json that a file of weights would have: the first variant whose tensors and sizes are there.
 * null for a file of something else.
 */
export function recogniseVqgan(tensors: TensorLookup): Record<string, unknown> | null {
  for (const name of vqganVariantNames) {
    const variant = vqganVariant(name);
    const own = tensors.below(variant.prefix);
    if (!own.has(variant.mark) || !own.has("encoder.conv_in.weight") || !own.has("decoder.conv_in.weight")) continue;
    if (!own.has(`${variant.names.quantConvolution}.weight`)) continue; // of the LFQ graph, say
    if (variant.is(sizesOf(own, variant.names, variant.codes === "signs" ? "signs" : "table"))) {
      return { model_type: "vqgan", variant: name };
    }
  }
  return null;
}
