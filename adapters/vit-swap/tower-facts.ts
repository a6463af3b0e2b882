import type { FeaturesTaken, VisionTower } from "./vision-tower.ts";

/** What must agree between a tower and its successor. Of several blocks, a fact holds of all. */
export interface TowerFacts {
  readonly width: number;
  readonly mlpWidth: number;
  /** null where the file's blocks are not all that the tower has. */
  readonly depth: number | null;
  readonly heads: number;
  readonly patch: number;
  /** null for a tower of any size. */
  readonly imageSize: number | null;
  readonly tokens: number | null;
  /** null for a file without a table. */
  readonly positions: number | null;
  readonly classToken: boolean;
  readonly registers: number;
  readonly patchBias: boolean;
  readonly firstNorm: boolean;
  readonly norms: "LayerNorm" | "RMSNorm";
  readonly epsilon: number;
  readonly finalNorm: boolean;
  readonly qkNorm: boolean;
  readonly qkvBias: boolean;
  readonly layerScale: boolean;
  readonly activation: string;
  /** null where the file leaves the block open. */
  readonly layer: readonly number[] | null;
  /** null where the file does not say them. */
  readonly mean: readonly number[] | null;
  readonly std: readonly number[] | null;
  readonly dtype: string;
}

export type TowerFact = keyof TowerFacts;
/** null is no value to compare: it agrees with all. */
export type FactValue = TowerFacts[TowerFact];

/** How a report says each, in its order. */
export const factNames: Readonly<Record<TowerFact, string>> = {
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
};

export const isTowerFact = (value: unknown): value is TowerFact =>
  typeof value === "string" && Object.hasOwn(factNames, value);
/** All facts, in the order of a report: what `allow` of `SwapOptions` takes. */
export const towerFacts: readonly TowerFact[] = Object.keys(factNames).filter(isTowerFact);

/** The facts of a tower whose features `taken` are read. */
export function factsOf({ spec, pixels }: VisionTower, taken: FeaturesTaken): TowerFacts {
  const { blocks, patchEmbedding } = spec;
  const [dtype = patchEmbedding.weight.dtype] = blocks.map((block) => block.attention.linears.query.weight.dtype);
  return {
    width: spec.hiddenSize,
    mlpWidth: spec.intermediateSize,
    depth: blocks.length,
    heads: spec.heads,
    patch: spec.patchSize,
    imageSize: spec.imageSize,
    tokens: spec.grid === null ? null : spec.maxPatches,
    positions: spec.positions.grid ** 2 + (spec.classToken ? 1 : 0),
    classToken: spec.classToken !== null,
    registers: spec.registers?.shape[1] ?? 0,
    patchBias: patchEmbedding.bias !== null,
    firstNorm: spec.firstNorm !== null,
    norms: blocks.some((block) => block.attention.norm?.bias) ? "LayerNorm" : "RMSNorm",
    epsilon: spec.layerNormEps,
    finalNorm: taken.finalNorm,
    qkNorm: blocks.some((block) => block.queryNorm !== null),
    qkvBias: blocks.some((block) => block.attention.linears.query.bias !== null),
    layerScale: blocks.some((block) => block.attentionOut.scale !== null),
    activation: spec.activation,
    layer: taken.layers,
    mean: pixels.mean,
    std: pixels.std,
    dtype,
  };
}
