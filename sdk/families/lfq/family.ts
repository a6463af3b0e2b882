import * as z from "zod";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import { invalidConfig, positiveInteger } from "../fields/config-fields.ts";
import { buildLfqCodebook, buildLfqDecoder, buildLfqEncoder, buildLfqQuantizer } from "./forward.ts";
import type { LfqEncoder, LfqSpec } from "./spec.ts";
import { lfqSizes, resolveLfq } from "./tensors.ts";
import { type LfqVariant, lfqVariantNames, lfqVariants } from "./variants.ts";

/**
 * Open-MAGVIT2 and BitDance's tokenizer, whose files are weights alone: the sizes are the tensors' own, and the variant is found by
 * them or named by a config.json.
 */
export const lfq = defineFamily({
  modelTypes: { lfq: [] },
  recognise(tensors) {
    if (!tensors.has("encoder.mid_block.0.conv1.weight") || !tensors.has("decoder.adaptive.0.gamma.weight"))
      return null;
    const { dim, levels } = lfqSizes(tensors);
    const variant = lfqVariantNames.find((name) => lfqVariants[name].is(dim));
    if (variant === undefined) return null;
    const { imageSizes = {} }: LfqVariant = lfqVariants[variant];
    const size = imageSizes[levels.length];
    return { model_type: "lfq", variant, ...(size !== undefined && { image_size: size }) };
  },
  recognises: lfqVariantNames.map((name) => lfqVariants[name].title),
  config: z.strictObject({
    model_type: z.literal("lfq"),
    variant: z.enum(lfqVariantNames),
    image_size: positiveInteger.optional(),
  }),
  image({ variant, image_size }) {
    const { imageSize, image }: LfqVariant = lfqVariants[variant];
    const size = image_size ?? imageSize;
    const half = [0.5, 0.5, 0.5] as const;
    return { background: null, tiling: null, mean: half, std: half, size, resizeTo: size, geometry: "crop", ...image };
  },
  read({ variant, image_size: asked }, tensors, base, { file }) {
    const { as, zeroByte, imageSize, licence, is }: LfqVariant = lfqVariants[variant];
    const sizes = lfqSizes(tensors);
    const { dim, levels } = sizes;
    if (!is(dim)) throw invalidConfig(`the variant whose tokens have ${dim} numbers`, ["variant"], file, variant);
    const size = asked ?? imageSize;
    const patchSize = 2 ** (levels.length - 1);
    if (size % patchSize !== 0) {
      throw invalidConfig(`a multiple of ${patchSize}, the pixels of a token's side,`, ["image_size"], file, size);
    }
    const { encoder, decoder } = resolveLfq(sizes, tensors);
    const spec: LfqSpec = { encoder, decoder, codes: { dim, as }, zeroByte };
    const grid = size / patchSize;
    const codes = as === "bits" ? { size: 2, dim: 1, codesPerToken: dim } : { size: 2 ** dim, dim };
    return defineModel(
      { ...base, licence: base.licence ?? licence },
      {
        encoder: { patchSize, grid, maxTokens: grid * grid, featureDim: dim },
        codebook: { ...codes, metric: "signs", firstBit: "least" },
        decoder: { takes: "ids", outputSize: size },
        weights: { encoder, others: [decoder] },
        graphs: {
          encode: { takes: "pixels", build: (weights: LfqEncoder, settings) => buildLfqEncoder(weights, settings) },
          quantize: () => buildLfqQuantizer(spec.codes),
          codebook: () => buildLfqCodebook(spec.codes),
          decode: (settings) => buildLfqDecoder(spec, grid, settings),
        },
      },
    );
  },
});
