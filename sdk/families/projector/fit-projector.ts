import type { DeepstackLevel, Projector } from "../../contract/projector.ts";
import { expected, expectedBut } from "../../errors.ts";
import type { NativePlan, ViewPlan } from "../../image/view-plan.ts";
import { cellSide } from "../../nn/ops/projector-op.ts";
import type { VitSpec } from "../../nn/vit/vit-spec.ts";
import type { EncoderFacts, ModelBase, ProjectorSpec, Tower } from "../model.ts";
import { selectFeatures } from "../vit/select-features.ts";

/**
 * A projector behind a vision transformer.
 * @throws INCOMPATIBLE for one that does not fit, with both widths; UNSUPPORTED for what it takes of the encoder's tokens
 */
export function fitProjector(base: ModelBase, tower: Tower, projector: Projector): ProjectorSpec {
  const { modelId } = base;
  const { info, features, ops, layout } = projector;
  const { hiddenSize, grid } = tower.spec;
  const its = `the projector ${info.modelId}`;

  requireWidth(modelId, hiddenSize, projector);
  const chosen = features.layers.map((layer) => selectFeatures(modelId, tower, { ...features, layer }));
  const postNorm = chosen.map((feature) => feature.postNorm);
  if (postNorm.some((normed) => normed !== postNorm[0]))
    throw expected(
      "UNSUPPORTED",
      "all of them before the encoder's final norm",
      `the layers of ${its}`,
      features.layers,
    );

  requireTokens(modelId, tower.spec, projector);
  requireCells(base, grid, projector);
  const deepstack = deepstackOf(modelId, tower.spec.blocks.length, projector);
  return {
    info,
    layers: chosen.map((feature) => feature.layer),
    postNorm: postNorm[0] ?? false,
    ops,
    deepstack,
    newline: layout.tiles.kind === "stitched" ? layout.tiles.newline : null,
    layout,
    image: imageOf(base, projector, its),
  };
}

/**
 * A projector behind an encoder that has one kind of features, those of its last block.
 * @throws INCOMPATIBLE for one that does not fit; UNSUPPORTED for one that reads another block
 */
export function fitToFeatures(
  base: ModelBase,
  { featureDim, grid, blocks }: Pick<EncoderFacts, "featureDim" | "grid"> & { readonly blocks: number },
  projector: Projector,
): ProjectorSpec {
  const { info, features, ops, layout } = projector;
  const its = `the projector ${info.modelId}`;
  const [layer] = features.layers;
  if (features.layers.length !== 1 || layer !== -1)
    throw expected("UNSUPPORTED", "the last block alone", `the layers of ${its}`, features.layers);
  requireWidth(base.modelId, featureDim ?? 0, projector);
  requireCells(base, grid, projector);
  const newline = layout.tiles.kind === "stitched" ? layout.tiles.newline : null;
  const deepstack = deepstackOf(base.modelId, blocks, projector);
  return {
    info,
    layers: [layer],
    postNorm: false,
    ops,
    deepstack,
    newline,
    layout,
    image: imageOf(base, projector, its),
  };
}

/** The levels, whose blocks the encoder must have. */
function deepstackOf(modelId: string, blocks: number, { deepstack = [], info }: Projector): readonly DeepstackLevel[] {
  const missing = deepstack.find(({ layer }) => layer > blocks);
  if (missing === undefined) return deepstack;
  const what = `an encoder with block ${missing.layer}, which the projector ${info.modelId} takes,`;
  throw expectedBut("INCOMPATIBLE", what, modelId, blocks === 0 ? "one kind of features" : `${blocks} blocks`);
}

function requireWidth(modelId: string, each: number, { info, features }: Projector): void {
  const width = features.layers.length * each;
  if (width === info.inputDim) return;
  const across = features.layers.length > 1 ? `${features.layers.length} layers of ${each}, ` : "";
  throw expectedBut(
    "INCOMPATIBLE",
    `features of ${info.inputDim} numbers, which the projector ${info.modelId} takes,`,
    `the encoder ${modelId}`,
    `${across}${width} numbers`,
    "A projector works behind the encoder that it was trained with.",
  );
}

function requireCells({ image, modelId }: ModelBase, grid: number | null, { ops, info }: Projector): void {
  const side = cellSide(ops);
  if (image.geometry === "native" ? wholeCells(image, side) : grid !== null && grid % side === 0) return;
  throw expectedBut(
    "INCOMPATIBLE",
    `a grid of patches in cells of ${side} x ${side}, which the projector ${info.modelId} takes,`,
    `the encoder ${modelId}`,
    grid === null ? "grids of any size" : `${grid} x ${grid} patches`,
  );
}

/** Whether every image of its own aspect ratio has whole cells of patches. */
const wholeCells = ({ pixels, patchSize }: NativePlan, side: number): boolean =>
  side === 1 || (pixels !== null && (pixels.factor / patchSize) % side === 0);

/** The patches must be what the model takes of the encoder's sequence. */
function requireTokens(modelId: string, spec: VitSpec, { features, info }: Projector): void {
  if (features.tokens === "patches") return;
  const before = (spec.classToken ? 1 : 0) + (spec.registers?.shape[1] ?? 0);
  if (before === (features.tokens === "all" ? 0 : 1)) return;
  const what = features.tokens === "all" ? "an encoder of patches alone" : "one class token before the patches";
  const received = `${modelId}, which has ${before} tokens before them`;
  throw expectedBut("UNSUPPORTED", what, `the projector ${info.modelId}`, received);
}

/** How images are prepared for embedding. Tiles come in the encoder's size, so that nothing is resized or cut again. */
function imageOf({ image, modelId }: ModelBase, { tiling, layout }: Projector, its: string): ViewPlan {
  if (image.geometry === "native") {
    if (tiling || layout.tiles.kind === "stitched") {
      const received = "one that keeps aspect ratios";
      throw expectedBut("INCOMPATIBLE", `an encoder of square images for ${its}, which has tiles,`, modelId, received);
    }
    return tiling === null ? { ...image, tiles: null } : image;
  }
  const own = tiling === undefined ? image.tiling : tiling;
  if (layout.tiles.kind === "stitched" && own?.kind !== "anyres") {
    const received = own === null ? "whole images" : `${own.kind} tiles`;
    throw expectedBut(
      "INCOMPATIBLE",
      `LLaVA's anyres tiles, which ${its} puts together,`,
      modelId,
      received,
      "The checkpoint's processor says how it tiles: load the folder of the whole model.",
    );
  }
  if (!tiling) return { ...image, tiling: own };
  return { ...image, tiling, geometry: "stretch", resizeTo: image.size, background: null };
}
