import { join } from "node:path";
import { readJsonObject } from "../../files/read-file.ts";
import type { SquarePlan } from "../../image/view-plan.ts";
import { interpolate } from "../../nn/layers/convolution.ts";
import { standardise } from "../../nn/layers/norm.ts";
import { patchRows } from "../../nn/layers/patch-rows.ts";
import { GraphBuilder, type GraphSettings, type OnnxModel, type Value } from "../../nn/onnx/graph-builder.ts";
import { DataType } from "../../nn/onnx/onnx-proto.ts";
import { encoderBlocks } from "../../nn/vit/encoder.ts";
import type { VitSpec } from "../../nn/vit/vit-spec.ts";
import type { AnyPrecision } from "../../weights/int8/int8-tree.ts";
import type { FamilySource } from "../family.ts";
import { familyOf, sectionAt } from "../family-of.ts";
import { invalidConfig, parseConfig } from "../fields/config-fields.ts";
import { readImagePlan } from "../image/read-image-plan.ts";
import type { VisionConfig, VitArchitecture } from "../vit/architecture.ts";
import { vitArchitectures } from "../vit/architectures.ts";
import type { RaeConfig } from "./config.ts";
import { vitMae } from "./vit-mae.ts";

/** The folder inside an RAE's own that has its encoder, as the hub has it. */
const FOLDER = "encoder";

/** What an RAE's encoder is. */
export interface RaeEncoder {
  readonly folder: string;
  readonly architecture: VitArchitecture;
  readonly vision: VisionConfig;
  /** Side of the pixels that it is given. */
  readonly inputSize: number;
  /** Of its image processor, on pixels in [0, 1]. */
  readonly mean: SquarePlan["mean"];
  readonly std: SquarePlan["std"];
}

/** @throws INVALID_CONFIG naming a field of the encoder's config.json; CHECKPOINT_NOT_FOUND where it has none */
export async function raeEncoder(
  { encoder_input_size: asked }: RaeConfig,
  { folder: root, file: own }: FamilySource,
): Promise<RaeEncoder> {
  const folder = join(root, FOLDER);
  const file = join(folder, "config.json");
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const { family: architecture, path } = familyOf([...vitArchitectures, vitMae], json, file);
  const vision = parseConfig(architecture.config, sectionAt(json, path), file, path);
  const { imageSize, patchSize } = vision;
  const images = { imageSize, patchSize, grids: architecture.grids.kind };
  const source = { folder, file, json, path, processor: null };
  const { geometry, mean, std } = await readImagePlan(source, images, architecture.imageProcessor);
  if (geometry === "native") {
    throw invalidConfig("an encoder with one grid for all images", ["model_type"], file, json.model_type);
  }
  const inputSize = asked ?? (json.model_type === "dinov2_with_registers" ? 224 : 256);
  const isTrained = architecture.grids.kind === "trained";
  if (inputSize % patchSize !== 0 || (isTrained && inputSize !== imageSize)) {
    const what = isTrained
      ? `${imageSize}, the encoder's image_size,`
      : `a multiple of ${patchSize}, the encoder's patch_size,`;
    throw invalidConfig(what, ["encoder_input_size"], own, inputSize);
  }
  return { folder, architecture, vision, inputSize, mean, std };
}

/**
 * A vision transformer whose last norm has no scale and no bias (src/stage1/encoders). n images of H x W pixels become N = grid²
 * patches of `inputSize`, to which the pixels are brought first by torch's bicubic `interpolate`.
 *
 * - input `pixels`: float32 [n, 3, H, W], normalised
 * - output `features`: float32 [n, N, D]; neither class token nor registers are among them
 */
export function buildRaeEncoder(
  encoder: AnyPrecision<VitSpec>,
  { imageSize, inputSize }: { readonly imageSize: number; readonly inputSize: number },
  settings: GraphSettings,
): OnnxModel {
  const { hiddenSize: d, blocks, layerNormEps, maxPatches } = encoder;
  const g = new GraphBuilder("encoder", settings);
  const pixels = g.input("pixels", DataType.float, ["images", 3, imageSize, imageSize]);
  const patches = patchRows(g, inputSize === imageSize ? pixels : resized(g, pixels, inputSize), encoder);
  const { tap, patchTokens } = encoderBlocks(g, encoder, [blocks.length], patches);
  const features = patchTokens(standardise(g, tap(blocks.length), d, layerNormEps));
  g.output("features", features, DataType.float, ["images", maxPatches, d]);
  return g.finish();
}

function resized(g: GraphBuilder, pixels: Value, side: number): Value {
  const images = g.node("Shape", [pixels], { end: { int: 1 } });
  return interpolate(g, pixels, g.concat([images, g.ints([3, side, side])], 0), "bicubic", false);
}
