import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import { transformerSummary } from "../vit/vit-model.ts";
import { buildTaTokCodebook, buildTaTokFeatures, buildTaTokQuantizer } from "./codes.ts";
import { taTokConfig } from "./config.ts";
import { buildTaTokEncoder } from "./encoder.ts";
import type { TaTokEncoder } from "./spec.ts";
import { resolveTaTok, TA_TOK_MARKS } from "./tensors.ts";

/**
 * TA-Tok, the text-aligned tokenizer of Tar (csuhan/Tar, tok/ta_tok.py): ids of a SimVQ codebook over SigLIP2's last block but one,
 * and features of ids. Its pixels are drawn by another model (AR-DTok), which is not read.
 */
export const taTok = defineFamily({
  modelTypes: { ta_tok: [] },
  recognise: (tensors) => (TA_TOK_MARKS.every((name) => tensors.has(name)) ? { model_type: "ta_tok" } : null),
  recognises: ["Tar's TA-Tok"],
  config: taTokConfig,
  image({ image_size: size, resample }) {
    const half = [0.5, 0.5, 0.5] as const;
    const stretch = { geometry: "stretch", resample, size, resizeTo: size } as const;
    return { background: null, tiling: null, mean: half, std: half, ...stretch };
  },
  read(config, tensors, base, { file }) {
    const spec = resolveTaTok(config, tensors, base.image, file);
    const { encoder, quantizer, features } = spec;
    const { grid, tower, poolScale } = encoder;
    const [size = 0, dim = 0] = quantizer.codebook.shape;
    const facts = {
      patchSize: tower.patchSize * poolScale,
      grid,
      maxTokens: grid * grid,
      featureDim: tower.hiddenSize,
    };
    return defineModel(
      { ...base, licence: base.licence ?? "apache-2.0" },
      {
        encoder: facts,
        codebook: { size, dim },
        decodedFeatureDim: features.hiddenSize,
        weights: { encoder, others: [quantizer, features] },
        graphs: {
          encode: {
            takes: "pixels",
            build: (weights: AnyPrecision<TaTokEncoder>, settings) => buildTaTokEncoder(weights, settings),
          },
          quantize: () => buildTaTokQuantizer(quantizer),
          codebook: () => buildTaTokCodebook(quantizer),
          decodeFeatures: (settings) => buildTaTokFeatures(quantizer, features, settings),
        },
        summary: {
          encoder: { ...transformerSummary(tower), ...facts, poolScale },
          features: { decodedFrom: "ids", ...transformerSummary(features) },
          codebook: { size, dim },
          decoder: null,
        },
      },
    );
  },
});
