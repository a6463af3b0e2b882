import { realpath, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { loadProjector, type TensorRef } from "../../../sdk/index.ts";
import { expected, expectedBut } from "../../../sdk/kit.ts";
import { mismatches } from "../compare.ts";
import { featuresGiven } from "../features-given.ts";
import type { ParsedOptions } from "../options.ts";
import type { SwapPlan } from "../swap-plan.ts";
import { factsOf, type TowerFact } from "../tower-facts.ts";
import { type TowerTensor, towerTensors } from "../tower-tensors.ts";
import { type FeaturesTaken, readTower, type VisionTower } from "../vision-tower.ts";

/** config.json stays as it is, and so does everything that it says of the tower. */
const allowable: ReadonlySet<TowerFact> = new Set<TowerFact>(["dtype", "mean", "std", "layer", "finalNorm"]);

/** A tensor of the model's tower and the encoder's that takes its place. */
export interface Replacement {
  readonly target: TensorRef;
  readonly source: TowerTensor;
}

export interface CheckpointPlan extends SwapPlan {
  /** The tower that the vision language model has. */
  readonly model: VisionTower;
  /** Empty where the towers differ in more than can be written. */
  readonly replacements: readonly Replacement[];
}

/**
 * Looks at a swap in a checkpoint folder. Nothing is written.
 * @throws as `requireNewFolder`; and as `loadProjector` and `VQRAE.load` for the model's folder
 */
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
    kind: "checkpoint",
    model,
    features,
    dtype: wanted.dtype,
    found,
    replacements: writable ? pairUp(model, encoder, features) : [],
    projectorType: null,
    words: null,
  };
}

/**
 * @throws INVALID_ARGUMENT for an output that is the input or lies in it; ALREADY_EXISTS for one that is there; IO_ERROR where
 *   the folder above it is not there
 */
async function requireNewFolder(folder: string, out: string): Promise<void> {
  const source = await realpath(folder).catch(() => resolve(folder));
  const target = await realpath(out).catch(() => resolve(out));
  const details = { path: out };
  const subject = "the output folder";
  if (!relative(source, target).startsWith(".."))
    throw expected("INVALID_ARGUMENT", "another folder than the input", subject, out, details);
  if (await stat(target).catch(() => null))
    throw expected("ALREADY_EXISTS", "a folder that is not there yet", subject, out, details);
  const parent = await stat(dirname(target)).catch(() => null);
  if (!parent?.isDirectory()) throw expected("IO_ERROR", "a place in a folder that exists", subject, out, details);
}

function pairUp(model: VisionTower, encoder: VisionTower, { finalNorm }: FeaturesTaken): Replacement[] {
  requireSameLookup(model, encoder);
  const sources = new Map(partsOf(encoder).map((tensor) => [tensor.role, tensor]));
  return partsOf(model).flatMap(({ role, ref, shape }): Replacement[] => {
    const source = sources.get(role);
    // A norm that the model holds and does not use: CLIP's, in LLaVA.
    if (!source && role.startsWith("final_norm.") && !finalNorm) return [];
    const count = (sizes: readonly number[]) => sizes.reduce((product, size) => product * size, 1);
    if (source && count(source.shape) === count(shape)) return [{ target: ref, source }];
    const what = `a tensor of shape [${shape.join(", ")}] in place of ${ref.name}`;
    const received = source ? `one of shape [${source.shape.join(", ")}]` : "none";
    throw expectedBut("INCOMPATIBLE", what, encoder.modelId, received);
  });
}

/** @throws INCOMPATIBLE where one of the two finds its positions by Idefics3's buckets and the other takes them in order */
function requireSameLookup(model: VisionTower, encoder: VisionTower): void {
  const [wanted, given] = [model, encoder].map(({ spec: { positions } }) => ({
    buckets: positions.buckets,
    classLast: positions.classLast,
  }));
  if (isDeepStrictEqual(wanted, given)) return;
  const say = (lookup: typeof wanted) => {
    if (lookup?.classLast) return "positions with the class token's last";
    return lookup?.buckets ? "positions found by Idefics3's buckets" : "positions in order";
  };
  throw expectedBut("INCOMPATIBLE", say(wanted), encoder.modelId, say(given));
}

const partsOf = ({ spec }: VisionTower): TowerTensor[] => towerTensors(spec, spec.blocks.length, true);
