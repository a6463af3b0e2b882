import { expected, words } from "../errors.ts";
import type { BlockRef, EncoderSpec, TransformerSpec } from "./checkpoint.ts";
import type { BlockNames, EncoderFamily, VisionConfig } from "./families/family.ts";
import type { TensorLookup } from "./tensor-lookup.ts";

/** Finds the tensors of an encoder; `tensors` starts where the family's own names do, less their prefix. */
export function resolveEncoder(family: EncoderFamily, config: VisionConfig, tensors: TensorLookup): EncoderSpec {
  const { names } = family;
  const { imageSize, patchSize, hiddenSize } = config;
  // The first one's error names the missing tensor where no prefix fits.
  const prefix = family.prefixes.find((prefix) => tensors.has(`${prefix}${names.patchEmbedding}.weight`));
  const tower = tensors.below(prefix ?? family.prefixes[0]!);
  for (const { tensor, expected: what } of family.refuses) {
    if (tower.has(tensor))
      throw expected("UNSUPPORTED", what, "the encoder", words(`one with tensor ${prefix}${tensor}`));
  }

  const grid = Math.floor(imageSize / patchSize);
  const tokens = grid * grid + (names.classToken ? 1 : 0);
  return {
    ...transformerOf(config),
    patchSize,
    imageSize,
    grid,
    patchEmbedding: tower.linear(names.patchEmbedding, [hiddenSize, 3, patchSize, patchSize]),
    classToken: names.classToken === null ? null : tower.tensor(names.classToken, [1, 1, hiddenSize]),
    positions: tower.tensor(names.positions, names.positionsShape(tokens, hiddenSize)),
    blocks: resolveBlocks(config.layers, names.block, config, tower, config.qkvBias),
    finalNorm: tower.layerNorm(names.finalNorm, hiddenSize),
  };
}

/** Finds the tensors of `count` pre-norm blocks. */
export function resolveBlocks(
  count: number,
  namesOf: (index: number) => BlockNames,
  { hiddenSize: d, intermediateSize }: TransformerSpec,
  tensors: TensorLookup,
  qkvBias = true,
): BlockRef[] {
  const blocks: BlockRef[] = [];
  // A loop, not an array of `count` made first: a lying count ends at the first missing tensor.
  for (let index = 0; index < count; index++) {
    const names = namesOf(index);
    blocks.push({
      norm1: tensors.layerNorm(names.norm1, d),
      query: tensors.linear(names.query, [d, d], qkvBias),
      key: tensors.linear(names.key, [d, d], qkvBias),
      value: tensors.linear(names.value, [d, d], qkvBias),
      out: tensors.linear(names.out, [d, d]),
      norm2: tensors.layerNorm(names.norm2, d),
      fc1: tensors.linear(names.fc1, [intermediateSize, d]),
      fc2: tensors.linear(names.fc2, [d, intermediateSize]),
    });
  }
  return blocks;
}

export const transformerOf = (config: TransformerSpec): TransformerSpec => ({
  hiddenSize: config.hiddenSize,
  intermediateSize: config.intermediateSize,
  heads: config.heads,
  layerNormEps: config.layerNormEps,
  activation: config.activation,
});
