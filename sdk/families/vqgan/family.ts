import * as z from "zod";
import { roundHalfEven } from "../../image/round-half-even.ts";
import { defineFamily } from "../family.ts";
import { invalidConfig, positiveInteger } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { janusImageProcessor } from "./image.ts";
import { vqganModel, vqganPatchSize } from "./model.ts";
import { huggingFaceNames } from "./names.ts";
import { recogniseVqgan } from "./recognise.ts";
import { regularSizes, sizesOf } from "./sizes.ts";
import type { CodesRef } from "./spec.ts";
import { resolveVqgan } from "./tensors.ts";
import { vqganVariant, vqganVariantNames } from "./variants.ts";

const multipliers = { error: "a list of whole numbers > 0" };

/**
 * The image tokenizer alone of Janus and Janus-Pro in transformers' files, which is LlamaGen's (arXiv 2406.06525). Ids are those of
 * deepseek-ai/Janus janus/models/vq_model.py, which compares vectors and codes at unit length; transformers' `encode` leaves
 * that out.
 */
export const janusVqgan = defineFamily({
  modelTypes: { janus_vqgan: [] },
  config: knownSection(
    {
      embed_dim: positiveInteger.default(8),
      num_embeddings: positiveInteger.default(16384),
      double_latent: z.literal(false, { error: "false" }).default(false),
      latent_channels: positiveInteger.default(256),
      in_channels: z.literal(3, { error: "3 (RGB)" }).default(3),
      out_channels: z.literal(3, { error: "3 (RGB)" }).default(3),
      base_channels: positiveInteger.default(128).refine((width) => width % 32 === 0, { error: "a multiple of 32" }),
      channel_multiplier: z.array(positiveInteger, multipliers).min(1, multipliers).default([1, 1, 2, 2, 4]),
      num_res_blocks: positiveInteger.default(2),
      num_patches: positiveInteger.default(32),
    },
    unreadConfigFields,
    {
      "They are of the layers that bring codes to Janus' language model.": [
        "num_hidden_layers",
        "depth", // what transformers' conversion of Janus-Pro calls them
        "hidden_act",
        "image_token_embed_dim",
      ],
    },
  ),
  image({ num_patches: side, channel_multiplier: multipliers }, source) {
    const patchSize = vqganPatchSize(multipliers.length);
    const encoder = { imageSize: side * patchSize, patchSize, grids: "trained" } as const;
    return readImagePlan(source, encoder, janusImageProcessor, [janusImageProcessor]);
  },
  read(config, tensors, base) {
    const sizes = regularSizes({
      channels: config.base_channels,
      multipliers: config.channel_multiplier,
      blocks: config.num_res_blocks,
      latent: config.latent_channels,
      codes: config.num_embeddings,
      dim: config.embed_dim,
    });
    const [prefix = ""] = tensors.prefixesOf("quantize.embedding.weight");
    const own = tensors.below(prefix);
    const spec = resolveVqgan(sizes, huggingFaceNames, { codes: "cosine", zeroByte: 127.5 }, own);
    for (const part of ["encoder.", "decoder."]) own.below(part).requireAllUsed();
    return vqganModel(base, sizes, spec, config.num_patches);
  },
});

/**
 * The tokenizers of `vqganVariants`, whose files are weights alone: the sizes are the tensors' own, and the variant is found by
 * them (`recogniseVqgan`) or named by a config.json.
 */
export const vqgan = defineFamily({
  modelTypes: { vqgan: [] },
  recognise: recogniseVqgan,
  recognises: vqganVariantNames.map((name) => vqganVariant(name).title),
  config: z.strictObject({
    model_type: z.literal("vqgan"),
    variant: z.enum(vqganVariantNames),
    image_size: positiveInteger.optional(),
    /** Of VAR: the sides of the grids of ids, coarse to fine. */
    scales: z.array(positiveInteger).min(2).optional(),
  }),
  image({ variant, image_size: own }) {
    const { image, imageSize, resizeRatio = 1 } = vqganVariant(variant);
    const size = own ?? imageSize;
    const half = [0.5, 0.5, 0.5] as const;
    const resizeTo = roundHalfEven(size * resizeRatio);
    return { background: null, tiling: null, mean: half, std: half, size, resizeTo, ...image };
  },
  read({ variant, image_size: asked, scales: given }, tensors, base, { file }) {
    const { names, prefix, codes, zeroByte, imageSize, licence, restricted } = vqganVariant(variant);
    const own = tensors.below(prefix);
    const sizes = sizesOf(own, names, codes === "signs" ? "signs" : "table");
    const size = asked ?? imageSize;
    const patchSize = vqganPatchSize(sizes.encoder.length);
    if (size % patchSize !== 0) {
      throw invalidConfig(`a multiple of ${patchSize}, the pixels of a token's side,`, ["image_size"], file, size);
    }
    const grid = size / patchSize;
    const scales = scalesOf(codes, grid, given, file);
    const spec = resolveVqgan(sizes, names, { codes, zeroByte, scales }, own);
    for (const part of ["encoder.", "decoder."]) own.below(part).requireAllUsed();
    const told = { ...base, licence: base.licence ?? licence, ...(restricted && { notice: restricted }) };
    return vqganModel(told, sizes, spec, grid);
  },
});

/** VAR's own, by the tokens of a side: for 256, 512 and 1024 pixels (utils/arg_util.py). */
const SCALES: Readonly<Record<number, readonly number[]>> = {
  16: [1, 2, 3, 4, 5, 6, 8, 10, 13, 16],
  32: [1, 2, 3, 4, 6, 9, 13, 18, 24, 32],
  64: [1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64],
};

/** The sides of the grids of ids; none for codes of one grid. @throws INVALID_CONFIG */
function scalesOf(
  codes: CodesRef["by"],
  grid: number,
  given: readonly number[] | undefined,
  file: string,
): readonly number[] {
  const refuse = (what: string) => invalidConfig(what, ["scales"], file, given);
  if (codes !== "residual") {
    if (given) throw refuse("nothing, for a tokenizer of one grid,");
    return [];
  }
  const scales = given ?? SCALES[grid];
  if (scales === undefined || scales.at(-1) !== grid || scales.some((side, i) => side <= (scales[i - 1] ?? 0))) {
    throw refuse(`sides of grids that grow up to ${grid}, the tokens of a side,`);
  }
  return scales;
}
