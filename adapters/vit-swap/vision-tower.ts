import type { Projector, Tiling } from "../../sdk/index.ts";
import { expectedBut, findCheckpoint, readModel, type VitSpec } from "../../sdk/kit.ts";

/**
 * The one module that reads a model's checkpoint. All others of ViT swap work with what it hands out.
 */

export type TowerSpec = VitSpec;

/** A vision transformer that can stand in another's place. */
export interface VisionTower {
  /** Its folder's name. */
  readonly modelId: string;
  readonly spec: TowerSpec;
  readonly pixels: PixelFacts;
  /** The features that a VQRAE's config.json names; null for an encoder alone, which gives those of any block. */
  readonly features: FeaturesTaken | null;
  /**
   * The features of this tower that a projector reads.
   * @throws INCOMPATIBLE for a projector that does not fit
   */
  readBy(projector: Projector): FeaturesTaken;
}

/** How images become its input. */
export interface PixelFacts {
  /** Of pixel values in [0, 1]. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** How its own processor cuts images; null for not at all. */
  readonly tiling: Tiling | null;
}

/** The features that a language model is given: blocks (1-based, ascending), and whether the final norm is applied. */
export interface FeaturesTaken {
  readonly layers: readonly number[];
  readonly finalNorm: boolean;
}

/** The tower of a checkpoint folder, or of "default". @throws as `readTower` */
export const loadTower = async (source: string): Promise<VisionTower> => readTower(await findCheckpoint(source));

/**
 * The tower of a checkpoint folder, such as a vision language model's.
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT; UNSUPPORTED for a model that is no vision transformer
 */
export async function readTower(folder: string): Promise<VisionTower> {
  const model = await readModel(folder);
  const { modelId, tower, image, codebook } = model;
  if (!tower) throw expectedBut("UNSUPPORTED", "a plain vision transformer", folder, "another kind of encoder");
  const { spec, features } = tower;
  return {
    modelId,
    spec,
    pixels: { mean: image.mean, std: image.std, tiling: image.geometry === "native" ? null : image.tiling },
    features: codebook && { layers: [features.layer], finalNorm: features.postNorm },
    readBy(projector) {
      const fitted = model.withProjector(projector).projector;
      return { layers: fitted?.layers ?? [], finalNorm: fitted?.postNorm === true && spec.finalNorm !== null };
    },
  };
}
