import { expectedBut } from "../../errors.ts";
import type { ViewPlan } from "../../image/view-plan.ts";
import type { BlockRef, TransformerSpec } from "../../nn/layers/transformer-spec.ts";
import type { PositionsRef, VitSpec } from "../../nn/vit/vit-spec.ts";
import type { TensorLookup } from "../../weights/tensor-lookup.ts";
import type { NormRef } from "../../weights/tensor-ref.ts";
import { linearGroup } from "../../weights/tensor-ref.ts";
import type { BlockNames, Grids, VisionConfig, VitArchitecture } from "./architecture.ts";

/** More than any encoder has; attention over as many takes hours, its graph gigabytes. */
const MAX_TOKENS = 65_536;

/** What training alone reads, and the numbers from 0 that transformers used to save as a tensor. */
const unreadEmbeddings = ["mask_token", "position_ids"];

/**
 * Finds the tensors of an encoder among those of whatever model it is a part of: its own names tell where they begin.
 * `image`: the pixels that it is to be given.
 */
export function resolveEncoder(
  family: VitArchitecture,
  config: VisionConfig,
  tensors: TensorLookup,
  image: ViewPlan,
): VitSpec {
  const { names } = family;
  const { patchSize, hiddenSize: d } = config;
  const prefix = prefixOf(names.patchEmbedding, tensors);
  const tower = tensors.below(prefix);
  for (const { tensor, expected: what } of family.refuses) {
    if (tower.has(tensor)) throw expectedBut("UNSUPPORTED", what, "the encoder", `one with tensor ${prefix}${tensor}`);
  }

  const trainedGrid = Math.floor(config.imageSize / patchSize);
  const positions = trainedGrid * trainedGrid + (names.classToken ? 1 : 0);
  const kernel = family.channelsLast ? [d, patchSize * patchSize * 3] : [d, 3, patchSize, patchSize];
  const spec: VitSpec = {
    ...transformerOf(config),
    patchSize,
    ...gridOf(image, patchSize),
    patchEmbedding: tower.linear(names.patchEmbedding, kernel, names.patchEmbeddingBias),
    channelsLast: family.channelsLast,
    classToken: names.classToken === null ? null : tower.tensor(names.classToken, names.classTokenShape(d)),
    registers:
      names.registers === null || config.registers === 0
        ? null
        : tower.tensor(names.registers, [1, config.registers, d]),
    positions: {
      table: tower.tensor(names.positions, names.positionsShape(positions, d)),
      classLast: family.classPositionLast ?? false,
      grid: trainedGrid,
      ...interpolationOf(family.grids),
      buckets: bucketsOf(family, trainedGrid),
    },
    firstNorm: names.firstNorm === null ? null : tower.layerNorm(names.firstNorm, d),
    blocks: resolveBlocks(config.layers, names.block, config, tower, config),
    // A norm that the last hidden state goes without may still be there, for those who ask for it.
    finalNorm:
      names.finalNorm === null || (!config.postNorm && !tower.has(`${names.finalNorm}.weight`))
        ? null
        : tower.layerNorm(names.finalNorm, d),
  };
  // A part that config.json does not ask for, such as a layer scale or registers, would make other features.
  tower.below("embeddings.").requireAllUsed(unreadEmbeddings);
  tower.below(commonStart(names.block(0).norm1, names.block(1).norm1)).requireAllUsed();
  return spec;
}

/** What two names begin with: "encoder.layer." of the names of two blocks. */
function commonStart(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

function gridOf(image: ViewPlan, patchSize: number): Pick<VitSpec, "imageSize" | "grid" | "maxPatches"> {
  if (image.geometry === "native") {
    requireTokens(image.maxPatches, "image sizes of its own");
    return { imageSize: null, grid: null, maxPatches: image.maxPatches };
  }
  const grid = Math.floor(image.size / patchSize);
  requireTokens(grid * grid, `${image.size} x ${image.size} pixels in patches of ${patchSize}`);
  return { imageSize: image.size, grid, maxPatches: grid * grid };
}

function requireTokens(count: number, why: string): void {
  if (count <= MAX_TOKENS) return;
  throw expectedBut("INVALID_CONFIG", `at most ${MAX_TOKENS} tokens`, "one image", `${count}: ${why}`);
}

/** An encoder that takes its trained grid alone interpolates nothing. */
const interpolationOf = (grids: Grids): Pick<PositionsRef, "filter" | "antialias"> =>
  grids.kind === "native"
    ? { filter: "bilinear", antialias: true }
    : { filter: "bicubic", antialias: grids.kind === "square" && grids.antialias };

/** null where they are in order, as for most grids. */
function bucketsOf({ positionBuckets }: VitArchitecture, grid: number): PositionsRef["buckets"] {
  const buckets = positionBuckets?.(grid) ?? [];
  return buckets.every((bucket, i) => bucket === i) ? null : buckets;
}

/** What stands before the encoder's own names: nothing, or the path to it inside another model. */
function prefixOf(patchEmbedding: string, tensors: TensorLookup): string {
  const prefixes = tensors.prefixesOf(`${patchEmbedding}.weight`);
  if (prefixes.length < 2) return prefixes[0] ?? ""; // where none is found, the first missing tensor's error says so
  throw expectedBut("UNSUPPORTED", "one vision tower", "the checkpoint", `${prefixes.length}: ${prefixes.join(", ")}`);
}

/** What a block of plain linears and LayerNorms lacks. */
interface BlockKind {
  readonly qkvBias: boolean;
  readonly qkNorm: boolean;
  readonly rmsNorm: boolean;
}
const plain: BlockKind = { qkvBias: true, qkNorm: false, rmsNorm: false };

/** Finds the tensors of `count` pre-norm blocks. */
export function resolveBlocks(
  count: number,
  namesOf: (index: number) => BlockNames,
  { hiddenSize: d, intermediateSize, activation }: TransformerSpec,
  tensors: TensorLookup,
  { qkvBias, qkNorm, rmsNorm }: BlockKind = plain,
): BlockRef[] {
  const norm = (name: string): NormRef => (rmsNorm ? tensors.rmsNorm(name, d) : tensors.layerNorm(name, d));
  const headNorm = (name: string | undefined) => (qkNorm && name !== undefined ? tensors.rmsNorm(name, d) : null);
  const gated = activation === "swiglu";
  const blocks: BlockRef[] = [];
  // A loop, not an array of `count` made first: a lying count ends at the first missing tensor.
  for (let index = 0; index < count; index++) {
    const names = namesOf(index);
    const { attention } = names;
    const one = (name: string) => tensors.linear(name, [d, d], qkvBias);
    const [query, key, value] =
      typeof attention === "string"
        ? tensors.fusedLinears(attention, [d, d], qkvBias)
        : ([one(attention.query), one(attention.key), one(attention.value)] as const);
    const { fc1, fc2 } = gated && names.gated ? names.gated : names;
    const [scale1 = null, scale2 = null] = names.scales?.map((name) => tensors.tensor(name, [d])) ?? [];
    const hidden = gated ? 2 * intermediateSize : intermediateSize;
    blocks.push({
      attention: linearGroup({ query, key, value }, { norm: norm(names.norm1) }),
      queryNorm: headNorm(names.queryNorm),
      keyNorm: headNorm(names.keyNorm),
      attentionOut: linearGroup({ out: tensors.linear(names.out, [d, d]) }, { scale: scale1 }),
      mlp: linearGroup({ fc1: tensors.linear(fc1, [hidden, d]) }, { norm: norm(names.norm2) }),
      mlpOut: linearGroup({ fc2: tensors.linear(fc2, [d, intermediateSize]) }, { scale: scale2 }),
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
