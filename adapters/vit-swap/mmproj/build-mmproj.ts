import { basename } from "node:path";
import { loadProjector, type Projector } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue, writeGguf } from "../../gguf/index.ts";
import { classTokenPlace } from "../llama-cpp-builds.ts";
import type { ParsedOptions } from "../options.ts";
import type { SwapPlan } from "../swap-plan.ts";
import type { VisionTower } from "../vision-tower.ts";
import { differentWords } from "./image-words.ts";
import { obstacles } from "./obstacles.ts";
import { writtenProjector } from "./projector-tensors.ts";
import { fileType, type MmprojFloat, positionKeys, towerTensorsToWrite } from "./tower-data.ts";
import { isAscending, sideOf, towerKeys } from "./tower-keys.ts";
import { type MmprojTypeName, mmprojTypes, typeOfProjector } from "./types.ts";

/** What a new mmproj will be. */
export interface BuildPlan extends SwapPlan {
  readonly projectorType: MmprojTypeName;
  readonly projector: Projector;
  readonly dtype: MmprojFloat;
}

/**
 * Looks at an encoder and the projector in `folder` for a new mmproj. Nothing is written.
 * @throws as `loadProjector`; INCOMPATIBLE for an encoder that the projector does not fit; UNSUPPORTED for a projector that no
 *   type of llama.cpp computes, and see `obstacles`
 */
export async function planBuild(
  folder: string,
  encoder: VisionTower,
  _out: string,
  options: ParsedOptions,
): Promise<BuildPlan> {
  const loaded = await loadProjector(folder);
  const { info, layout } = loaded;
  const type = options.type ?? typeOfProjector[info.type];
  const stitched = layout.tiles.kind === "stitched";
  if (type === undefined || stitched) {
    const known = `one of ${Object.keys(typeOfProjector).join(", ")}`;
    const received = stitched ? `${info.type}, which puts a newline after each row of tiles` : info.type;
    const mend = "Swap the tower of its own mmproj file instead.";
    throw expectedBut("UNSUPPORTED", known, `the projector ${folder}`, received, mend);
  }
  const layers = options.layer === undefined ? loaded.features.layers : [options.layer];
  const projector = { ...loaded, features: { ...loaded.features, layers } };
  const features = encoder.readBy(projector);
  if (!isAscending(features.layers)) {
    throw expected("UNSUPPORTED", "blocks in ascending order", `the projector ${folder}`, features.layers);
  }
  const [obstacle] = obstacles(encoder, features, type, classTokenPlace(options.llamaCpp));
  if (obstacle) throw obstacle.error;
  return {
    kind: "new mmproj",
    projectorType: type,
    features,
    projector,
    dtype: options.float ?? "F16",
    found: [],
    words: differentWords(type, layout),
  };
}

/** Writes `out`, an mmproj of the encoder and the projector in `folder`. Gives the plan that it followed. */
export async function buildMmproj(
  folder: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<BuildPlan> {
  const plan = await planBuild(folder, encoder, out, options);
  const { projectorType: type, features, projector, dtype: float } = plan;
  const place = classTokenPlace(options.llamaCpp);
  const written = writtenProjector(projector, encoder.spec, type, float);
  const tower = towerTensorsToWrite(encoder, features, mmprojTypes[type], float, place);
  const keys: (readonly [key: string, value: GgufValue])[] = [
    ["general.architecture", ggufValue.string("clip")],
    ["general.type", ggufValue.string("mmproj")],
    ["general.name", ggufValue.string(`${encoder.modelId} and the projector of ${basename(folder)}`)],
    fileType(float),
    ["clip.has_vision_encoder", ggufValue.bool(true)],
    ["clip.projector_type", ggufValue.string(type)],
    ["clip.vision.projection_dim", ggufValue.uint32(projector.info.outputDim)],
    ...towerKeys(encoder, features, mmprojTypes[type]),
    ...positionKeys(encoder.spec, place),
    ...written.keys,
    ...imageKeys(type, encoder, projector),
  ];
  await writeGguf(out, keys, [...tower, ...written.tensors]);
  return plan;
}

/** How the runtime cuts and resizes images that do not come in the tower's own size. */
function imageKeys(type: MmprojTypeName, { spec, pixels }: VisionTower, { tiling }: Projector): [string, GgufValue][] {
  const at = (name: string, value: number): [string, GgufValue] => [`clip.vision.${name}`, ggufValue.uint32(value)];
  const side = sideOf(spec);
  const tiles = tiling === undefined ? pixels.tiling : tiling;
  switch (mmprojTypes[type].images) {
    case "tiles": {
      const { min, max } = tiles?.kind === "dynamic" ? tiles : { min: 1, max: 1 };
      return [at("preproc_min_tiles", min), at("preproc_max_tiles", max)];
    }
    case "longest edge":
      return [at("preproc_image_size", tiles?.kind === "split" && tiles.split ? tiles.longestEdge : side)];
    case "budget":
      return [at("image_min_pixels", spec.patchSize ** 2), at("image_max_pixels", side * side)];
    case "own":
      return [];
  }
}
