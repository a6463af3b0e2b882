import type { Projector, Tiling } from "../../sdk/index.ts";
import { expectedBut, findCheckpoint, type RotaryVitSpec, readModel, type VitSpec } from "../../sdk/kit.ts";

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

/** A vision transformer whose positions rotate: Qwen-VL's. */
export interface RotaryTower {
  /** Its folder's name. */
  readonly modelId: string;
  readonly spec: RotaryVitSpec;
  readonly pixels: Pick<PixelFacts, "mean" | "std">;
  /** @throws INCOMPATIBLE for a projector that does not fit */
  requireFit(projector: Projector): void;
}

export const isRotary = (tower: VisionTower | RotaryTower): tower is RotaryTower => "rotation" in tower.spec;

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

/** The encoder that a swap is given: a checkpoint folder, or "default". @throws as `readTower` */
export async function loadEncoder(source: string): Promise<VisionTower | RotaryTower> {
  const folder = await findCheckpoint(source);
  const model = await readModel(folder);
  const { modelId, rotary: spec, image } = model;
  if (spec === null) return towerOf(model, folder);
  const { mean, std } = image;
  return { modelId, spec, pixels: { mean, std }, requireFit: (projector) => void model.withProjector(projector) };
}

/**
 * The tower of a checkpoint folder, such as a vision language model's.
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT; UNSUPPORTED for a model that is no vision transformer
 */
export const readTower = async (folder: string): Promise<VisionTower> => towerOf(await readModel(folder), folder);

function towerOf(model: Awaited<ReturnType<typeof readModel>>, folder: string): VisionTower {
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
