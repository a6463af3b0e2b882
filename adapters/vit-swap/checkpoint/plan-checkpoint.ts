import { realpath, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { loadProjector, type TensorRef } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type Mismatch, mismatches } from "../compare.ts";
import { featuresGiven } from "../features-given.ts";
import type { ParsedOptions } from "../options.ts";
import { factsOf, type TowerFact } from "../tower-facts.ts";
import { type TowerTensor, towerTensors } from "../tower-tensors.ts";
import { type FeaturesTaken, readTower, type VisionTower } from "../vision-tower.ts";

/** config.json stays as it is, and so does all that it says of the tower. */
const allowable: ReadonlySet<TowerFact> = new Set(["dtype", "mean", "std", "layer", "finalNorm"] as const);

/** A tensor of the model's tower and the encoder's that takes its place. */
export interface Replacement {
  readonly target: TensorRef;
  readonly source: TowerTensor;
}

export interface CheckpointPlan {
  /** The tower that the vision language model has. */
  readonly model: VisionTower;
  readonly features: FeaturesTaken;
  readonly dtype: string;
  readonly found: readonly Mismatch[];
  /** Empty where the towers differ in more than can be written. */
  readonly replacements: readonly Replacement[];
}

/** @throws INVALID_ARGUMENT for an output that is the input or is there already; as `loadProjector` and `VQRAE.load` for the model's folder */
export async function planCheckpoint(
  folder: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<CheckpointPlan> {
  await requireNewFolder(folder, out);
  const projector = await loadProjector(folder);
  const model = await readTower(folder);
  const features = model.readBy(projector);
  const [wanted, given] = [factsOf(model, features), factsOf(encoder, featuresGiven(encoder, features, options.layer))];
  const found = mismatches(wanted, given, allowable);
  const writable = found.every((mismatch) => mismatch.allowable);
  return {
    model,
    features,
    dtype: wanted.dtype,
    found,
    replacements: writable ? pairUp(model, encoder, features) : [],
  };
}

/** @throws INVALID_ARGUMENT for an output that is the input, lies in it or is there already */
async function requireNewFolder(folder: string, out: string): Promise<void> {
  const source = await realpath(folder).catch(() => resolve(folder));
  const target = await realpath(out).catch(() => resolve(out));
  const wrong = (what: string) => expected("INVALID_ARGUMENT", what, "the output folder", out);
  if (!relative(source, target).startsWith("..")) throw wrong("another folder than the input");
  if (await stat(target).catch(() => null)) throw wrong("a folder that is not there yet");
  const parent = await stat(dirname(target)).catch(() => null);
  if (!parent?.isDirectory()) throw wrong("a place in a folder that exists");
}

function pairUp(model: VisionTower, encoder: VisionTower, { finalNorm }: FeaturesTaken): Replacement[] {
  const sources = new Map(partsOf(encoder).map((tensor) => [tensor.role, tensor]));
  return partsOf(model).flatMap(({ role, ref, shape }): Replacement[] => {
    const source = sources.get(role);
    // A norm that the model holds and does not use: CLIP's, in LLaVA.
    if (!source && role.startsWith("final_norm.") && !finalNorm) return [];
    const count = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);
    if (source && count(source.shape) === count(shape)) return [{ target: ref, source }];
    const received = source ? `one of shape [${source.shape.join(", ")}]` : "none";
    throw expectedBut(
      "INVALID_ARGUMENT",
      `a tensor of shape [${shape.join(", ")}] in place of ${ref.name}`,
      encoder.modelId,
      received,
    );
  });
}

const partsOf = ({ spec }: VisionTower): TowerTensor[] => towerTensors(spec, spec.blocks.length, true);
