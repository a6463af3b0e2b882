import { basename } from "node:path";
import { loadProjector, type Projector } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue, writeGguf } from "../../gguf/index.ts";
import { classTokenPlace } from "../llama-cpp-builds.ts";
import type { ParsedOptions } from "../options.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { obstacles } from "./obstacles.ts";
import { writtenProjector } from "./projector-tensors.ts";
import { fileType } from "./swap-mmproj.ts";
import { type MmprojFloat, towerTensorsToWrite } from "./tower-data.ts";
import { towerKeys } from "./tower-keys.ts";
import { type MmprojTypeName, mmprojTypes, typeOfProjector } from "./types.ts";

/** What a new mmproj will be. */
export interface BuildPlan {
  readonly type: MmprojTypeName;
  readonly features: FeaturesTaken;
  readonly projector: Projector;
  readonly float: MmprojFloat;
}

/** @throws as `loadProjector`; INVALID_ARGUMENT for an encoder that the projector does not fit; UNSUPPORTED, see `obstacles` */
export async function planBuild(
  folder: string,
  encoder: VisionTower,
  _out: string,
  options: ParsedOptions,
): Promise<BuildPlan> {
  const loaded = await loadProjector(folder);
  const type = options.type ?? typeOfProjector[loaded.info.type];
  if (type === undefined || loaded.layout.tiles.kind === "stitched") {
    const received =
      loaded.layout.tiles.kind === "stitched"
        ? `${loaded.info.type}, which puts a newline after each row of tiles`
        : loaded.info.type;
    const mend = "Swap the tower of its own mmproj file instead.";
    throw expectedBut(
      "UNSUPPORTED",
      `one of ${Object.keys(typeOfProjector).join(", ")}`,
      `the projector ${folder}`,
      received,
      mend,
    );
  }
  const layers = options.layer === undefined ? loaded.features.layers : [options.layer];
  const projector = { ...loaded, features: { ...loaded.features, layers } };
  const features = encoder.readBy(projector);
  if (features.layers.some((layer, i) => i > 0 && layer <= features.layers[i - 1]!)) {
    throw expected("UNSUPPORTED", "blocks in ascending order", `the projector ${folder}`, features.layers);
  }
  const [obstacle] = obstacles(encoder, features, type, classTokenPlace(options.llamaCpp));
  if (obstacle) throw obstacle.error;
  return { type, features, projector, float: options.float ?? "F16" };
}

/** Writes `out`, an mmproj of the encoder and the projector in `folder`; returns the plan that it followed. */
export async function buildMmproj(
  folder: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<BuildPlan> {
  const plan = await planBuild(folder, encoder, out, options);
  const { type, features, projector, float } = plan;
  const place = classTokenPlace(options.llamaCpp);
  const written = writtenProjector(projector, encoder.spec, type, float);
  const tower = towerTensorsToWrite(encoder, features, mmprojTypes[type], float, place);
  const keys = [
    ["general.architecture", ggufValue.string("clip")],
    ["general.type", ggufValue.string("mmproj")],
    ["general.name", ggufValue.string(`${encoder.modelId} and the projector of ${basename(folder)}`)],
    fileType(float),
    ["clip.has_vision_encoder", ggufValue.bool(true)],
    ["clip.projector_type", ggufValue.string(type)],
    ["clip.vision.projection_dim", ggufValue.uint32(projector.info.outputDim)],
    ...towerKeys(encoder, features, mmprojTypes[type]),
    ...written.keys,
    ...imageKeys(type, encoder, projector),
  ] as [string, GgufValue][];
  await writeGguf(out, keys, [...tower, ...written.tensors]);
  return plan;
}

/** How the runtime cuts and resizes images that do not come in the tower's own size. */
function imageKeys(type: MmprojTypeName, { spec, pixels }: VisionTower, { tiling }: Projector): [string, GgufValue][] {
  const at = (name: string, value: number): [string, GgufValue] => [`clip.vision.${name}`, ggufValue.uint32(value)];
  const side = spec.imageSize ?? spec.positions.grid * spec.patchSize;
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
