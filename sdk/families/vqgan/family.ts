import * as z from "zod";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import { positiveInteger } from "../fields/config-fields.ts";
import { knownSection } from "../fields/known-section.ts";
import { unreadConfigFields } from "../fields/unread-config-fields.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import { buildVqganCodebook, buildVqganDecoder, buildVqganEncoder, buildVqganQuantizer } from "./forward.ts";
import { janusImageProcessor } from "./image.ts";
import type { VqganEncoder } from "./spec.ts";
import { huggingFaceNames, resolveVqgan } from "./tensors.ts";

const multipliers = { error: "a list of whole numbers > 0" };

/**
 * The image tokenizer of Janus and Janus-Pro in transformers' files, which is LlamaGen's (arXiv 2406.06525). Ids are those of
 * deepseek-ai/Janus janus/models/vq_model.py, which compares vectors and codes at unit length; transformers' `encode` leaves
 * that out.
 */
export const janusVqgan = defineFamily({
  modelTypes: { janus_vqgan: [], janus: ["vq_config"] },
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
        "hidden_act",
        "image_token_embed_dim",
      ],
    },
  ),
  image({ num_patches: side, channel_multiplier: multipliers }, source) {
    const patchSize = patchSizeOf(multipliers);
    const encoder = { imageSize: side * patchSize, patchSize, grids: "trained" } as const;
    return readImagePlan(source, encoder, janusImageProcessor, [janusImageProcessor]);
  },
  read(config, tensors, base) {
    const sizes = {
      channels: config.base_channels,
      multipliers: config.channel_multiplier,
      blocks: config.num_res_blocks,
      latent: config.latent_channels,
      codes: config.num_embeddings,
      dim: config.embed_dim,
    };
    const [prefix = ""] = tensors.prefixesOf("quantize.embedding.weight");
    const own = tensors.below(prefix);
    const spec = resolveVqgan(sizes, huggingFaceNames, own);
    const { encoder, ...others } = spec;
    const side = config.num_patches;
    const patchSize = patchSizeOf(sizes.multipliers);
    for (const part of ["encoder.", "decoder."]) own.below(part).requireAllUsed();
    return defineModel(base, {
      encoder: { patchSize, grid: side, maxTokens: side * side, featureDim: sizes.latent },
      codebook: { size: sizes.codes, dim: sizes.dim },
      decoder: { takes: "ids", outputSize: side * patchSize },
      weights: { encoder, others: [others] },
      graphs: {
        encode: { takes: "pixels", build: (weights: VqganEncoder, settings) => buildVqganEncoder(weights, settings) },
        quantize: () => buildVqganQuantizer(spec),
        codebook: () => buildVqganCodebook(spec),
        decode: (settings) => buildVqganDecoder(spec, side, settings),
      },
    });
  },
});

/** Each level but the last halves the sides. */
const patchSizeOf = (multipliers: readonly number[]): number => 2 ** (multipliers.length - 1);
