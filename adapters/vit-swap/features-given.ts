import { expected } from "../../sdk/kit.ts";
import type { FeaturesTaken, VisionTower } from "./vision-tower.ts";

/**
 * What the encoder gives as its features. A VQRAE's config.json says it. An encoder alone gives any of its blocks: the ones
 * that the model reads, or its last where it has fewer.
 * @param layer the caller's choice, which goes before both
 * @throws INVALID_ARGUMENT for a block that the encoder does not have
 */
export function featuresGiven(tower: VisionTower, wanted: FeaturesTaken, layer: number | undefined): FeaturesTaken {
  const { features, spec } = tower;
  const finalNorm = features ? features.finalNorm : wanted.finalNorm && spec.finalNorm !== null;
  if (layer !== undefined) return { layers: [blockOf(layer, tower)], finalNorm };
  if (features) return features;
  const count = spec.blocks.length;
  return { layers: wanted.layers.every((block) => block <= count) ? wanted.layers : [count], finalNorm };
}

function blockOf(layer: number, { spec, modelId }: VisionTower): number {
  const count = spec.blocks.length;
  const block = layer < 0 ? count + 1 + layer : layer;
  if (block >= 1 && block <= count) return block;
  const what = `a block from 1 to ${count} or from -${count} to -1`;
  throw expected("INVALID_ARGUMENT", what, `the layer of ${modelId}`, layer);
}
