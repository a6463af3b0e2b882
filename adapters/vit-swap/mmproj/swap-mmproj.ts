import { expectedBut, ggmlActivation } from "../../../sdk/kit.ts";
import { ggufValue, requireOtherFile, rewriteGguf } from "../../gguf/index.ts";
import { type Mismatch, mismatches, refusedOf, requireFit } from "../compare.ts";
import { featuresGiven } from "../features-given.ts";
import { classTokenPlace } from "../llama-cpp-builds.ts";
import type { ParsedOptions } from "../options.ts";
import { factsOf, type TowerFact, towerFacts } from "../tower-facts.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { type Obstacle, obstacles } from "./obstacles.ts";
import { type Mmproj, readMmproj } from "./read-mmproj.ts";
import { type MmprojFloat, towerTensorsToWrite } from "./tower-data.ts";
import { isTowerKey, towerKeys } from "./tower-keys.ts";
import { isTowerTensor } from "./tower-names.ts";
import { mmprojTypes } from "./types.ts";

/** All that a file says of its tower is written anew; what its projector takes is not. */
const allowable: ReadonlySet<TowerFact> = new Set(towerFacts.filter((fact) => fact !== "width"));

const FILE_TYPES = { F32: 0, F16: 1 } as const;
export const fileType = (float: MmprojFloat) => ["general.file_type", ggufValue.uint32(FILE_TYPES[float])] as const;

/** A swap that was looked at, and nothing written. */
export interface MmprojPlan {
  readonly mmproj: Mmproj;
  readonly features: FeaturesTaken;
  readonly float: MmprojFloat;
  readonly found: readonly Mismatch[];
}

/** @throws as `readMmproj`; INVALID_ARGUMENT where nobody says which block the projector reads; UNSUPPORTED, see `obstacles` */
export async function planMmproj(
  path: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<MmprojPlan> {
  const mmproj = await readMmproj(path);
  if (!options.inPlace) await requireOtherFile(mmproj.file, out);
  const { facts, type } = mmproj;
  const wanted = { layers: facts.layer ?? [], finalNorm: facts.finalNorm };
  const features = featuresGiven(encoder, wanted, options.layer);
  if (features.layers.length === 0) {
    throw expectedBut(
      "INVALID_ARGUMENT",
      "clip.vision.feature_layer",
      path,
      "a file that leaves the block open",
      "Say with `layer` which block its projector was trained on: -2 of all that the encoder has for LLaVA 1.5.",
    );
  }
  const inTheWay = [
    ...obstacles(encoder, features, type, classTokenPlace(options.llamaCpp)),
    ...projectorObstacles(mmproj, encoder, features),
  ];
  const float = options.float ?? (mmproj.float === "F32" ? "F32" : "F16");
  const found = mismatches(
    {
      ...facts,
      dtype: options.float ?? mmproj.float,
      // Converters leave out the blocks that this graph does not read.
      ...(mmprojTypes[type].graph.featureLayers && { depth: null, layer: facts.layer ?? features.layers }),
    },
    {
      ...factsOf(encoder, features),
      activation: ggmlActivation(encoder.spec.activation),
      // What the writer was told to write it may round to.
      ...(options.float && { dtype: options.float }),
    },
    new Set([...allowable].filter((fact) => inTheWay.every((obstacle) => obstacle.fact !== fact))),
  );
  // What the old tower has as well is no difference, and cannot be written either.
  const [obstacle] = inTheWay;
  if (obstacle && refusedOf(found, options.allow).length === 0) throw obstacle.error;
  return { mmproj, features, float, found };
}

/** What the projector in the file cannot take. */
function projectorObstacles(
  { facts, factor, type, file }: Mmproj,
  { spec, modelId }: VisionTower,
  { layers }: FeaturesTaken,
): Obstacle[] {
  const found: Obstacle[] = [];
  const refuse = (fact: TowerFact, what: string, received: string) =>
    found.push({
      fact,
      error: expectedBut("UNSUPPORTED", what, `the projector of ${file.file}`, `${modelId}: ${received}`),
    });
  const wanted = facts.layer;
  if (wanted && wanted.length !== layers.length) {
    refuse("layer", `features of ${wanted.length} blocks side by side`, `blocks ${layers.join(", ")}`);
  }
  if (layers.some((layer, i) => layer < 1 || (i > 0 && layer <= layers[i - 1]!))) {
    refuse("layer", "blocks from 1, in ascending order", layers.join(", "));
  }
  if (spec.grid !== null && spec.grid % factor !== 0 && !mmprojTypes[type].anyGrid) {
    refuse("tokens", `a grid in cells of ${factor} x ${factor} patches`, `${spec.grid} x ${spec.grid}`);
  }
  return found;
}

/** Writes `out`: the mmproj with the encoder in place of its tower; returns the plan that it followed. */
export async function swapMmproj(
  path: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<MmprojPlan> {
  const plan = await planMmproj(path, encoder, out, options);
  const { mmproj, features, float, found } = plan;
  requireFit(found, options.allow, path, encoder.modelId);
  const type = mmprojTypes[mmproj.type];
  const tensors = towerTensorsToWrite(encoder, features, type, float, classTokenPlace(options.llamaCpp));
  const names = new Set(tensors.map(({ name }) => name));
  const changes = {
    metadata: [fileType(float), ...towerKeys(encoder, features, type)],
    tensors,
    without: (name: string) => isTowerKey(name) || (isTowerTensor(name) && !names.has(name)),
  };
  await rewriteGguf(mmproj.file.file, out, changes, { inPlace: options.inPlace });
  return plan;
}
