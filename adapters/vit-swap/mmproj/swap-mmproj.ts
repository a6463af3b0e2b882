import { expectedBut, ggmlActivation } from "../../../sdk/kit.ts";
import { requireOtherFile, rewriteGguf } from "../../gguf/index.ts";
import { mismatches, refusedOf, requireFit } from "../compare.ts";
import { featuresGiven } from "../features-given.ts";
import { classTokenPlace } from "../llama-cpp-builds.ts";
import type { ParsedOptions } from "../options.ts";
import type { SwapPlan } from "../swap-plan.ts";
import { factsOf, type TowerFact, towerFacts } from "../tower-facts.ts";
import type { FeaturesTaken, VisionTower } from "../vision-tower.ts";
import { type Obstacle, obstacles } from "./obstacles.ts";
import { type Mmproj, readMmproj } from "./read-mmproj.ts";
import { fileType, type MmprojFloat, positionKeys, towerTensorsToWrite } from "./tower-data.ts";
import { isAscending, isTowerKey, towerKeys } from "./tower-keys.ts";
import { isTowerTensor } from "./tower-names.ts";
import { mmprojTypes } from "./types.ts";

/** Everything that a file says of its tower is written anew. What its projector takes is not. */
const allowable: ReadonlySet<TowerFact> = new Set(towerFacts.filter((fact) => fact !== "width"));

export interface MmprojPlan extends SwapPlan {
  readonly mmproj: Mmproj;
  readonly dtype: MmprojFloat;
}

/**
 * Looks at a swap in an mmproj file. Nothing is written.
 * @throws as `readMmproj`; INVALID_ARGUMENT for an output that is the input, and where neither the file nor `options.layer` says
 *   which block the projector reads; UNSUPPORTED, see `obstacles`
 */
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
    const mend = "Say with `layer` which block its projector was trained on, such as -2 for LLaVA 1.5.";
    const received = "a file that leaves the block open";
    throw expectedBut("INVALID_ARGUMENT", "clip.vision.feature_layer", path, received, mend);
  }
  const inTheWay = [
    ...obstacles(encoder, features, type, classTokenPlace(options.llamaCpp)),
    ...projectorObstacles(mmproj, encoder, features),
  ];
  const dtype = options.float ?? (mmproj.float === "F32" ? "F32" : "F16");
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
      // It may round to what it was told to write.
      ...(options.float && { dtype: options.float }),
    },
    new Set([...allowable].filter((fact) => inTheWay.every((obstacle) => obstacle.fact !== fact))),
  );
  // What the old tower has too is no difference. It cannot be written all the same.
  const [obstacle] = inTheWay;
  if (obstacle && refusedOf(found, options.allow).length === 0) throw obstacle.error;
  return { kind: "mmproj", mmproj, features, dtype, found, projectorType: type, words: null };
}

/** What the projector in the file cannot take. */
function projectorObstacles(
  { facts, factor, type, file }: Mmproj,
  { spec, modelId }: VisionTower,
  { layers }: FeaturesTaken,
): Obstacle[] {
  const found: Obstacle[] = [];
  const refuse = (fact: TowerFact, what: string, received: string) => {
    const error = expectedBut("UNSUPPORTED", what, `the projector of ${file.file}`, `${modelId}: ${received}`);
    found.push({ fact, error });
  };
  const wanted = facts.layer;
  if (wanted && wanted.length !== layers.length) {
    refuse("layer", `features of ${wanted.length} blocks side by side`, `blocks ${layers.join(", ")}`);
  }
  if (!isAscending(layers)) {
    refuse("layer", "blocks from 1, in ascending order", layers.join(", "));
  }
  if (spec.grid !== null && spec.grid % factor !== 0 && !mmprojTypes[type].anyGrid) {
    refuse("tokens", `a grid in cells of ${factor} x ${factor} patches`, `${spec.grid} x ${spec.grid}`);
  }
  return found;
}

/**
 * Writes `out`: the mmproj with the encoder in place of its tower. Gives the plan that it followed.
 * @throws as `planMmproj`; INCOMPATIBLE for differences that are not allowed; IO_ERROR where the disk refuses
 */
export async function swapMmproj(
  path: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<MmprojPlan> {
  const plan = await planMmproj(path, encoder, out, options);
  const { mmproj, features, dtype, found } = plan;
  requireFit(found, options.allow, path, encoder.modelId);
  const type = mmprojTypes[mmproj.type];
  const place = classTokenPlace(options.llamaCpp);
  const tensors = towerTensorsToWrite(encoder, features, type, dtype, place);
  const names = new Set(tensors.map(({ name }) => name));
  const changes = {
    metadata: [fileType(dtype), ...towerKeys(encoder, features, type), ...positionKeys(encoder.spec, place)],
    tensors,
    without: (name: string) => isTowerKey(name) || (isTowerTensor(name) && !names.has(name)),
  };
  await rewriteGguf(mmproj.file.file, out, changes, { inPlace: options.inPlace });
  return plan;
}
