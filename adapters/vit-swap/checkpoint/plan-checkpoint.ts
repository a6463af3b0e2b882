import { realpath, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { loadProjector, type TensorRef } from "../../../sdk/index.ts";
import {
  type Checkpoint,
  expected,
  expectedBut,
  fitProjector,
  loadCheckpoint,
  type WeightDtype,
} from "../../../sdk/kit.ts";
import { type Mismatch, mismatches } from "../compare.ts";
import { featuresGiven } from "../encoder-source.ts";
import type { ParsedOptions } from "../options.ts";
import { type FeaturesTaken, factsOf, type TowerFact } from "../tower-facts.ts";
import { type TowerTensor, towerTensors } from "../tower-tensors.ts";

/** config.json stays as it is, and so does all that it says of the tower. */
const allowable: ReadonlySet<TowerFact> = new Set(["dtype", "mean", "std", "layer", "finalNorm"] as const);

/** A tensor of the model's tower and the encoder's that takes its place. */
export interface Replacement {
  readonly target: TensorRef;
  readonly source: TowerTensor;
}

export interface CheckpointPlan {
  /** The vision language model, its own encoder as `encoder`. */
  readonly model: Checkpoint;
  readonly features: FeaturesTaken;
  readonly dtype: WeightDtype;
  readonly found: readonly Mismatch[];
  /** Empty where the towers differ in more than can be written. */
  readonly replacements: readonly Replacement[];
}

/** @throws INVALID_ARGUMENT for an output that is the input or is there already; as `loadProjector` and `VQRAE.load` for the model's folder */
export async function planCheckpoint(
  folder: string,
  encoder: Checkpoint,
  out: string,
  options: ParsedOptions,
): Promise<CheckpointPlan> {
  await requireNewFolder(folder, out);
  const projector = await loadProjector(folder);
  const own = await loadCheckpoint(folder);
  const model = fitProjector(own, projector);
  const { layers, postNorm } = model.projector!;
  const features: FeaturesTaken = { layers, finalNorm: postNorm && model.encoder.finalNorm !== null };
  const [wanted, given] = [factsOf(model, features), factsOf(encoder, featuresGiven(encoder, features, options.layer))];
  const found = mismatches(wanted, given, allowable);
  const writable = found.every((mismatch) => mismatch.allowable);
  return {
    model,
    features,
    dtype: model.encoder.blocks[0]!.query.weight.dtype,
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

function pairUp(model: Checkpoint, encoder: Checkpoint, { finalNorm }: FeaturesTaken): Replacement[] {
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

const partsOf = ({ encoder }: Checkpoint): TowerTensor[] => towerTensors(encoder, encoder.blocks.length, true);
