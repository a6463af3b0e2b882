import { expected } from "../../errors.ts";
import type { FeatureSpec } from "../../nn/vit/vit-spec.ts";
import type { FeatureChoice, Tower } from "../model.ts";

/**
 * Other features of a vision transformer: what a caller asks for goes before what config.json says. A layer other than the
 * checkpoint's own comes without the final norm, which belongs to the last block, unless `postNorm` asks for it.
 *
 * @throws INVALID_ARGUMENT for a block or a norm that the encoder does not have
 */
export function selectFeatures(modelId: string, { spec, features }: Tower, asked: FeatureChoice): FeatureSpec {
  const count = spec.blocks.length;
  const layer = asked.layer === undefined ? features.layer : asked.layer < 0 ? count + 1 + asked.layer : asked.layer;
  if (layer < 1 || layer > count) {
    const what = `a block from 1 to ${count} or from -${count} to -1`;
    throw expected("INVALID_ARGUMENT", what, `features.layer of ${modelId}`, asked.layer);
  }
  const postNorm = asked.postNorm ?? (layer === features.layer && features.postNorm);
  if (postNorm && !spec.finalNorm)
    throw expected("INVALID_ARGUMENT", "false", `features.postNorm of ${modelId}, which has no final norm,`, true);
  return { layer, postNorm };
}
