import { type Activation, MMPROJ_POSITIONS_KEY } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue } from "../../gguf/index.ts";
import type { FeaturesTaken, TowerSpec, VisionTower } from "../vision-tower.ts";
import type { MmprojType } from "./types.ts";

/** The flag for each activation. null: no flag means it; undefined: there is none. ggml's gelu is the tanh form. */
const activationKeys: Readonly<Record<Activation, string | null | undefined>> = {
  gelu: "clip.use_gelu",
  gelu_tanh: "clip.use_gelu",
  quick_gelu: null,
  swiglu: undefined,
};

export const isWritable = (activation: Activation): boolean => activationKeys[activation] !== undefined;

/** The side of the images that a tower is given; of a tower of any size, that of its position table. */
export const sideOf = ({ imageSize, positions, patchSize }: TowerSpec): number =>
  imageSize ?? positions.grid * patchSize;

/** Blocks as an mmproj can name them. */
export const isAscending = (layers: readonly number[]): boolean =>
  layers.every((layer, i) => layer > (layers[i - 1] ?? 0));

/** The blocks that a file needs to hold: up to the last one whose features are read. */
export const blocksOf = ({ layers }: FeaturesTaken): number => Math.max(...layers);

/** Keys that say what the tower is. */
export function towerKeys(
  { spec, pixels }: VisionTower,
  taken: FeaturesTaken,
  { graph }: MmprojType,
): [string, GgufValue][] {
  const { uint32, float32, float32s, int32s, bool } = ggufValue;
  const flag = activationKeys[spec.activation];
  const own: [string, GgufValue][] = flag ? [[flag, bool(true)]] : [];
  const at = (name: string) => `clip.vision.${name}`;
  // The graph of `mlp` stops one block early unless it is told where.
  const stop: [string, GgufValue][] = graph.featureLayers ? [[at("feature_layer"), int32s(taken.layers)]] : [];
  return [
    ...own,
    [at("image_size"), uint32(sideOf(spec))],
    [at("patch_size"), uint32(spec.patchSize)],
    [at("embedding_length"), uint32(spec.hiddenSize)],
    [at("feed_forward_length"), uint32(spec.intermediateSize)],
    [at("block_count"), uint32(blocksOf(taken))],
    [at("attention.head_count"), uint32(spec.heads)],
    [at("attention.layer_norm_epsilon"), float32(spec.layerNormEps)],
    [at("image_mean"), float32s(pixels.mean)],
    [at("image_std"), float32s(pixels.std)],
    ...stop,
  ];
}

const flags = new Set(Object.values(activationKeys));
const otherKeys = ["clip.vision.attention.head_count_kv", "clip.vision.attention.head_dim", MMPROJ_POSITIONS_KEY];
/** Whether a key goes with the old tower, also where the new one does not set it. */
export const isTowerKey = (key: string): boolean => flags.has(key) || otherKeys.includes(key);
