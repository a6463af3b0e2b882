import * as z from "zod";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import { invalidConfig, positiveInteger } from "../fields/config-fields.ts";
import { buildUnitokCodebook, buildUnitokDecoder, buildUnitokEncoder, buildUnitokQuantizer } from "./forward.ts";
import type { UnitokEncoder } from "./spec.ts";
import { resolveUnitok } from "./tensors.ts";

/** Pixels of a token's side. */
const PATCH = 16;
/** Images are resized to so much more than what is cut out of them (utils/config.py, `resize_ratio`). */
const RESIZE = 1.125;

/** FoundationVision/UniTok (models/unitok.py): eight codes a token. Its text tower is not read. */
export const unitok = defineFamily({
  modelTypes: { unitok: [] },
  recognise: (tensors) =>
    tensors.has("encoder.patch_embed.backbone.stem.conv1.weight") && tensors.has("quant_proj.attn.q_bias")
      ? { model_type: "unitok" }
      : null,
  recognises: ["UniTok"],
  config: z.strictObject({ model_type: z.literal("unitok"), image_size: positiveInteger.default(256) }),
  image({ image_size: size }, { file }) {
    if (size % PATCH !== 0) throw invalidConfig(`a multiple of ${PATCH}`, ["image_size"], file, size);
    const half = [0.5, 0.5, 0.5] as const;
    const crop = { geometry: "crop", resample: "bilinear", centre: "pil" } as const;
    return {
      background: null,
      tiling: null,
      mean: half,
      std: half,
      size,
      resizeTo: Math.trunc(size * RESIZE),
      ...crop,
    };
  },
  read({ image_size: size }, tensors, base) {
    const spec = resolveUnitok(tensors);
    const { encoder, ...others } = spec;
    const grid = size / PATCH;
    const tokens = grid * grid;
    const [codes = 0, dim = 0] = spec.codebooks[0]?.shape ?? [];
    return defineModel(
      { ...base, licence: base.licence ?? "mit" },
      {
        encoder: { patchSize: PATCH, grid, maxTokens: tokens, featureDim: encoder.transformer.width },
        codebook: { size: codes, dim, codesPerToken: spec.codebooks.length },
        decoder: { takes: "ids", outputSize: size },
        weights: { encoder, others: [others] },
        graphs: {
          encode: {
            takes: "pixels",
            build: (weights: UnitokEncoder, settings) => buildUnitokEncoder(weights, tokens, settings),
          },
          quantize: () => buildUnitokQuantizer(spec),
          codebook: () => buildUnitokCodebook(spec),
          decode: (settings) => buildUnitokDecoder(spec, grid, settings),
        },
      },
    );
  },
});
