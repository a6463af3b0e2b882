import { type Checkpoint, expected, findCheckpoint, loadCheckpoint } from "../../sdk/kit.ts";
import type { FeaturesTaken } from "./tower-facts.ts";

/** The encoder of a checkpoint: a folder, or "default". */
export const loadEncoder = async (source: string): Promise<Checkpoint> => loadCheckpoint(await findCheckpoint(source));

/**
 * What the encoder gives as its features: a VQRAE's config.json says it. An encoder alone gives any of its blocks, so it is
 * what the model takes, or its last where it has not so many.
 */
export function featuresGiven(checkpoint: Checkpoint, wanted: FeaturesTaken, layer: number | undefined): FeaturesTaken {
  const { quantizer, features, encoder } = checkpoint;
  const finalNorm = quantizer ? features.postNorm : wanted.finalNorm && encoder.finalNorm !== null;
  if (layer !== undefined) return { layers: [blockOf(layer, checkpoint)], finalNorm };
  if (quantizer) return { layers: [features.layer], finalNorm };
  const count = encoder.blocks.length;
  return { layers: wanted.layers.every((block) => block <= count) ? wanted.layers : [count], finalNorm };
}

/** @throws INVALID_ARGUMENT for a block that the encoder does not have */
function blockOf(layer: number, { encoder, modelId }: Checkpoint): number {
  const count = encoder.blocks.length;
  const block = layer < 0 ? count + 1 + layer : layer;
  if (block >= 1 && block <= count) return block;
  throw expected(
    "INVALID_ARGUMENT",
    `a block from 1 to ${count} or from -${count} to -1`,
    `the layer of ${modelId}`,
    layer,
  );
}
