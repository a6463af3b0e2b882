import type { Checkpoint, VitSpec } from "../../sdk/kit.ts";

/** What must agree between a tower and its successor, and how a report says each. */
export const factNames = {
  width: "width (numbers a token)",
  mlpWidth: "width of the MLP",
  depth: "depth (blocks)",
  heads: "attention heads",
  patch: "patch size (pixels)",
  imageSize: "image size (pixels)",
  tokens: "token count (patches a view)",
  positions: "rows of the position table",
  classToken: "class token",
  registers: "register tokens",
  patchBias: "bias of the patch embedding",
  firstNorm: "norm before the blocks",
  norms: "norms of the blocks",
  epsilon: "epsilon of the norms",
  finalNorm: "final norm on the features",
  qkNorm: "norm on queries and keys",
  qkvBias: "bias of queries, keys and values",
  layerScale: "layer scale",
  activation: "activation",
  layer: "layer (block that features come from)",
  mean: "mean of the pixels",
  std: "deviation of the pixels",
  dtype: "type of the weights",
} as const;

export type TowerFact = keyof typeof factNames;
export const towerFacts = Object.keys(factNames) as TowerFact[];

/** A fact's value; null where the side has none to compare, such as the one image size of a tower of any size. */
export type FactValue = string | number | boolean | readonly number[] | null;
export type TowerFacts = Readonly<Record<TowerFact, FactValue>>;

/** The features that a language model is given: blocks (1-based, ascending), and whether the final norm is applied. */
export interface FeaturesTaken {
  readonly layers: readonly number[];
  readonly finalNorm: boolean;
}

/** The facts of a checkpoint's encoder. */
export function factsOf({ encoder, image }: Checkpoint, { layers, finalNorm }: FeaturesTaken): TowerFacts {
  const [block] = encoder.blocks as [VitSpec["blocks"][number]];
  return {
    width: encoder.hiddenSize,
    mlpWidth: encoder.intermediateSize,
    depth: encoder.blocks.length,
    heads: encoder.heads,
    patch: encoder.patchSize,
    imageSize: encoder.imageSize,
    tokens: encoder.grid === null ? null : encoder.maxPatches,
    positions: encoder.positions.grid ** 2 + (encoder.classToken ? 1 : 0),
    classToken: encoder.classToken !== null,
    registers: encoder.registers?.shape[1] ?? 0,
    patchBias: encoder.patchEmbedding.bias !== null,
    firstNorm: encoder.firstNorm !== null,
    norms: block.norm1.bias ? "LayerNorm" : "RMSNorm",
    epsilon: encoder.layerNormEps,
    finalNorm,
    qkNorm: block.queryNorm !== null,
    qkvBias: block.query.bias !== null,
    layerScale: block.scale1 !== null,
    activation: encoder.activation,
    layer: layers,
    mean: image.mean,
    std: image.std,
    dtype: block.query.weight.dtype,
  };
}
