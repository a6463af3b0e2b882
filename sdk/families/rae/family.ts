import type { VitSpec } from "../../nn/vit/vit-spec.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import { openFolderTensors } from "../../weights/open-tensors.ts";
import { tensorLookup } from "../../weights/tensor-lookup.ts";
import { defineModel } from "../define-model.ts";
import { defineFamily } from "../family.ts";
import { invalidConfig } from "../fields/config-fields.ts";
import { transformerSummary } from "../vit/vit-model.ts";
import { resolveEncoder } from "../vit/vit-tensors.ts";
import { raeConfig } from "./config.ts";
import { buildRaeDecoder, resolveRaeDecoder } from "./decoder.ts";
import { buildRaeEncoder, raeEncoder } from "./encoder.ts";

/**
 * A representation autoencoder (RAE, arXiv 2510.11690): features of a frozen vision transformer, and a decoder that draws an image
 * of them. There is no codebook. The folder has the decoder's file as bytetriper/RAE publishes it, and the encoder's own folder as
 * "encoder".
 */
export const rae = defineFamily({
  modelTypes: { rae: [] },
  config: raeConfig,
  async image(config, source) {
    const { mean, std } = await raeEncoder(config, source);
    const size = config.image_size;
    const crop = { geometry: "crop", resample: "bicubic", centre: "adm" } as const;
    return { background: null, tiling: null, mean, std, size, resizeTo: size, ...crop };
  },
  async read(config, tensors, base, source) {
    const { image_size: imageSize, decoder_patch_size: q } = config;
    const { folder, architecture, vision, inputSize, mean, std } = await raeEncoder(config, source);
    const own = tensorLookup(await openFolderTensors(folder), folder);
    const seen = { ...base.image, size: inputSize, resizeTo: inputSize };
    const encoder = { ...resolveEncoder(architecture, vision, own, seen), finalNorm: null };
    const grid = inputSize / vision.patchSize;
    if (imageSize % grid !== 0) {
      throw invalidConfig(`a multiple of ${grid}, the tokens of a side,`, ["image_size"], source.file, imageSize);
    }
    const decoder = resolveRaeDecoder(config, { mean, std, grid, width: vision.hiddenSize }, tensors, source.file);
    const facts = { patchSize: imageSize / grid, grid, maxTokens: grid * grid, featureDim: vision.hiddenSize };
    return defineModel(
      { ...base, licence: base.licence ?? "mit" },
      {
        encoder: facts,
        decoder: { takes: "features", outputSize: grid * q },
        weights: { encoder, others: [decoder] },
        graphs: {
          encode: {
            takes: "pixels",
            build: (weights: AnyPrecision<VitSpec>, settings) =>
              buildRaeEncoder(weights, { imageSize, inputSize }, settings),
          },
          decode: (settings) => buildRaeDecoder(decoder, settings),
        },
        summary: {
          encoder: { ...transformerSummary(encoder), ...facts },
          features: null,
          codebook: null,
          decoder: { ...transformerSummary(decoder), takes: "features", patchSize: q, outputSize: grid * q },
        },
      },
    );
  },
});
