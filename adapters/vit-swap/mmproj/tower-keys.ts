import type { Activation } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue } from "../../gguf/index.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import type { MmprojType } from "./types.ts";

/** The flag that stands for each activation; null: no flag means it; undefined: none does. ggml's gelu is the tanh form. */
const activationKeys: Readonly<Record<Activation, string | null | undefined>> = {
  gelu: "clip.use_gelu",
  gelu_tanh: "clip.use_gelu",
  quick_gelu: null,
  swiglu: undefined,
};

export const isWritable = (activation: Activation): boolean => activationKeys[activation] !== undefined;

/** Keys that say what the tower is; those of another activation are left out by `isTowerKey`. */
export function towerKeys(
  { spec, pixels }: VisionTower,
  { layers }: FeaturesTaken,
  { graph }: MmprojType,
): [string, GgufValue][] {
  const { uint32, float32, float32s, int32s, bool } = ggufValue;
  const flag = activationKeys[spec.activation];
  const side = spec.imageSize ?? spec.positions.grid * spec.patchSize;
  const at = (name: string) => `clip.vision.${name}`;
  return [
    ...(flag ? [[flag, bool(true)] as [string, GgufValue]] : []),
    [at("image_size"), uint32(side)],
    [at("patch_size"), uint32(spec.patchSize)],
    [at("embedding_length"), uint32(spec.hiddenSize)],
    [at("feed_forward_length"), uint32(spec.intermediateSize)],
    [at("block_count"), uint32(layers.at(-1)!)],
    [at("attention.head_count"), uint32(spec.heads)],
    [at("attention.layer_norm_epsilon"), float32(spec.layerNormEps)],
    [at("image_mean"), float32s(pixels.mean)],
    [at("image_std"), float32s(pixels.std)],
    // The graph of `mlp` stops one block early unless it is told where.
    ...(graph.featureLayers ? [[at("feature_layer"), int32s(layers)] as [string, GgufValue]] : []),
  ];
}

const flags = new Set(Object.values(activationKeys));
/** Whether a key goes with the old tower though the new one may not set it. */
export const isTowerKey = (key: string): boolean =>
  flags.has(key) || key === "clip.vision.attention.head_count_kv" || key === "clip.vision.attention.head_dim";
