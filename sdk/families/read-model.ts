import type { Projector } from "../contract/projector.ts";
import { families as ownFamilies } from "./all.ts";
import { openCheckpoint } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint-parts.ts";
import type { Family } from "./family.ts";
import { familyOf, sectionAt } from "./family-of.ts";
import { parseConfig } from "./fields/config-fields.ts";
import { withFewerTokens } from "./image/fewer-tokens.ts";
import { type VideoSettings, withVideoSettings } from "./image/video-settings.ts";
import type { FeatureChoice, Model } from "./model.ts";
import { ofOtherWeights, recognise, tensorsOf } from "./recognise.ts";

/**
 * Reads and validates a checkpoint: a folder with a VQRAE, an encoder alone as it comes from the hub, or one of `families`,
 * which go before those that are known; a file of weights that a family recognises; or an mmproj file. Weights are found and checked for shape, never read.
 *
 * @param options `maxImageTokens`: fewer than the processor's file allows; `video`: how frames are prepared
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG or INVALID_CHECKPOINT; INVALID_GGUF for an mmproj; UNSUPPORTED for an encoder's
 *   unsupported variant, and for `maxImageTokens` where images have one size; INVALID_ARGUMENT for fewer tokens than the least
 *   image has
 */
export const readModel = async (
  path: string,
  families: readonly Family[] = [],
  options: ReadModelOptions = {},
): Promise<Model> => modelOf(await openCheckpoint(path), families, options);

interface ReadModelOptions {
  readonly maxImageTokens?: number | undefined;
  readonly video?: VideoSettings | undefined;
}

/** The same of a checkpoint that is open. */
export async function modelOf(
  checkpoint: Checkpoint,
  families: readonly Family[] = [],
  { maxImageTokens, video }: ReadModelOptions = {},
): Promise<Model> {
  const { path: root, file, processor, modelId, licence } = checkpoint;
  const known = [...families, ...ownFamilies];
  // Weights alone say what they are: their tensors are looked at first.
  const alone = checkpoint.weightsAlone ? recognise(known, await checkpoint.tensors(), root) : null;
  const json = alone ? alone.json : checkpoint.json;
  const tower = checkpoint.mmproj?.family;
  const { family, path } = tower ? { family: tower, path: ["vision_config"] } : familyOf(known, json, file);
  const source = { folder: root, file, json, path, processor };
  const config = parseConfig(family.config, sectionAt(json, path), file, path);
  const own = await family.image(config, source);
  const fewer = maxImageTokens === undefined ? own : withFewerTokens(own, maxImageTokens, root);
  const image = video === undefined ? fewer : withVideoSettings(fewer, video, root);
  const base = { modelId, folder: root, licence, image };
  if (alone) return family.read(config, alone.tensors, base, source);
  const all = await checkpoint.tensors();
  try {
    return await family.read(config, tensorsOf(family, all, root), base, source);
  } catch (error) {
    throw ofOtherWeights(error, known, all, root, json);
  }
}

/** The model with a projector behind it and with other features, where there are some. */
export function modelWith(stored: Model, projector: Projector | null, features: FeatureChoice | undefined): Model {
  const projected = projector ? stored.withProjector(projector) : stored;
  return features ? projected.selectFeatures(features) : projected;
}
