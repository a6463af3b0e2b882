import type { GraphSettings } from "../../nn/onnx/graph-builder.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import type { DecoderFacts } from "../model.ts";
import { transformerSummary } from "../vit/vit-model.ts";
import { buildVqganDecoder } from "../vqgan/forward.ts";
import { buildArDtok } from "./ar-dtok/forward.ts";
import { type ArDtok, readArDtok } from "./ar-dtok/read.ts";
import { buildTaTokCodebook, buildTaTokFeatures, buildTaTokQuantizer } from "./codes.ts";
import { taTokConfig } from "./config.ts";
import { buildTaTokEncoder } from "./encoder.ts";
import type { TaTokEncoder } from "./spec.ts";
import { resolveTaTok, TA_TOK_MARKS } from "./tensors.ts";

/**
 * TA-Tok, the text-aligned tokenizer of Tar (csuhan/Tar, tok/ta_tok.py): ids of a SimVQ codebook over SigLIP2's last block but one,
 * and features of ids. Its pixels are drawn by another model, AR-DTok, where the folder has that ("decoder").
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
  async read(config, tensors, base, { file, folder }) {
    const spec = resolveTaTok(config, tensors, base.image, file);
    const { encoder, quantizer, features } = spec;
    const { grid, tower, poolScale } = encoder;
    const { hiddenSize: dim } = features;
    const condition = { dim, tokens: grid * grid, mostTokens: (tower.grid ?? 0) ** 2 };
    const pixels = await readArDtok(folder, condition);
    const decoder = pixels && decoderFacts(pixels, condition.tokens);
    const [size = 0, codeDim = 0] = quantizer.codebook.shape;
    const facts = {
      patchSize: tower.patchSize * poolScale,
      grid,
      maxTokens: grid * grid,
      featureDim: tower.hiddenSize,
      poolScale,
    };
    return defineModel(
      { ...base, licence: base.licence ?? "apache-2.0" },
      {
        encoder: facts,
        codebook: { size, dim: codeDim },
        decoder,
        decodedFeatureDim: dim,
        weights: { encoder, others: [quantizer, features, ...(pixels ? [pixels.drawer, drawnBy(pixels)] : [])] },
        graphs: {
          encode: {
            takes: "pixels",
            build: (weights: AnyPrecision<TaTokEncoder>, settings) => buildTaTokEncoder(weights, settings),
          },
          quantize: () => buildTaTokQuantizer(quantizer),
          codebook: () => buildTaTokCodebook(quantizer),
          decodeFeatures: (settings) => buildTaTokFeatures(quantizer, features, settings),
          ...(pixels && {
            draw: (settings: GraphSettings) => buildArDtok(pixels.drawer, settings),
            decode: (settings: GraphSettings) => buildVqganDecoder(pixels.vq, pixels.side, settings),
          }),
        },
        summary: {
          encoder: { ...transformerSummary(tower), ...facts },
          features: { decodedFrom: "ids", ...transformerSummary(features) },
          codebook: { size, dim: codeDim },
          decoder: pixels && decoder && decoderSummary(pixels, decoder),
        },
      },
    );
  },
});

/** How tok/mm_autoencoder.py and t2i_inference.py of csuhan/Tar draw. */
const DRAWING = { guidanceScale: 4, temperature: 1, topK: 0, topP: 1 } as const;

function decoderFacts({ drawer, side, patchSize }: ArDtok, conditions: number): DecoderFacts {
  const { width, heads, blocks, conditionDim, embeddings } = drawer;
  const sizes = { blocks: blocks.length, heads, headDim: width / heads, codes: embeddings.shape[0] ?? 0, conditionDim };
  return {
    takes: "ids",
    outputSize: side * patchSize,
    drawing: { ...DRAWING, ...sizes, conditions, steps: side * side },
  };
}

/** Without the encoder, which nothing runs. */
const drawnBy = ({ vq: { encoder: _, quantConvolution: __, ...decoder } }: ArDtok): object => decoder;

function decoderSummary({ drawer, side }: ArDtok, { outputSize }: DecoderFacts) {
  const { width: hiddenSize, heads, blocks } = drawer;
  return { takes: "ids", draws: side * side, blocks: blocks.length, hiddenSize, heads, outputSize };
}
