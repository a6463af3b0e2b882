import type { HeadSpec } from "../../nn/vit/classifier.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import { vitBlock } from "../vit/family.ts";
import { resolveBlocks, transformerOf } from "../vit/vit-tensors.ts";
import type { VqraeConfig } from "./config.ts";
import type { DecoderSpec, QuantizerSpec } from "./spec.ts";

/** Finds the tensors of the SimVQ quantizer (`quantizer.*`); `layers` are 1-based blocks. */
export function resolveQuantizer(
  { codebook, decoder }: VqraeConfig,
  layers: readonly number[],
  encoderHidden: number,
  tensors: TensorLookup,
): QuantizerSpec {
  const { size, dim, bias, normalize, combine } = codebook;
  const own = tensors.below("quantizer.");
  const inputWidth = combine === "sum" ? encoderHidden : layers.length * encoderHidden;
  const spec: QuantizerSpec = {
    size,
    dim,
    layers,
    normalize,
    combine,
    inputWidth,
    inProjection: own.linear("in_proj", [dim, inputWidth]),
    codebook: own.tensor("codebook.weight", [size, dim]),
    codebookProjection: own.linear("codebook_proj", [dim, dim], bias),
    outProjection: own.linear("out_proj", [decoder.hiddenSize, dim]),
  };
  own.requireAllUsed();
  return spec;
}

/** Finds the tensors of the classification head (`classifier.*`); null where config.json has none. */
export const resolveHead = (
  { classifier }: VqraeConfig,
  encoderHidden: number,
  tensors: TensorLookup,
): HeadSpec | null =>
  classifier
    ? { labels: classifier.labels, classifier: tensors.linear("classifier", [classifier.labels.length, encoderHidden]) }
    : null;

/** Finds the tensors of the decoder (`decoder.*`), whose tokens lie on the encoder's grid. */
export function resolveDecoder({ decoder }: VqraeConfig, grid: number, tensors: TensorLookup): DecoderSpec {
  const { hiddenSize, patchSize, headKernel, mean, std } = decoder;
  const own = tensors.below("decoder.");
  const spec: DecoderSpec = {
    ...transformerOf(decoder),
    grid,
    patchSize,
    headKernel,
    positions: own.tensor("position_embeddings", [1, grid * grid, hiddenSize]),
    blocks: resolveBlocks(decoder.layers, (index) => vitBlock(`layer.${index}`), decoder, own),
    finalNorm: own.layerNorm("layernorm", hiddenSize),
    head: own.linear("head", [patchSize * patchSize * 3, hiddenSize, headKernel, headKernel]),
    mean,
    std,
  };
  own.requireAllUsed();
  return spec;
}
