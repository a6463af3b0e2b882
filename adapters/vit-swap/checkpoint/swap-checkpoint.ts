import { randomUUID } from "node:crypto";
import { cp, readdir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { VqraeError } from "../../../sdk/index.ts";
import { ioError } from "../../../sdk/kit.ts";
import { requireFit } from "../compare.ts";
import type { ParsedOptions } from "../options.ts";
import type { VisionTower } from "../vision-tower.ts";
import { overwriteTensors } from "./overwrite-tensors.ts";
import { type CheckpointPlan, planCheckpoint } from "./plan-checkpoint.ts";

/**
 * Writes the folder `out`: the vision language model in `folder` with the encoder's weights in its tower. It appears when it
 * is whole; a killed swap leaves a folder of another name beside it.
 *
 * @throws as `planCheckpoint`; INVALID_ARGUMENT for differences that were not allowed, for an output that is there already
 *   or inside the model, and where the disk refuses
 */
export async function swapCheckpoint(
  folder: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<CheckpointPlan> {
  const plan = await planCheckpoint(folder, encoder, out, options);
  requireFit(plan.found, options.allow, folder, encoder.modelId);
  const files = new Set(plan.replacements.map((replacement) => replacement.target.file));
  const target = resolve(out);
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  try {
    const weights = await weightFiles(folder);
    const rewritten = new Set([...files].map((file) => weights.get(file)!));
    await cp(folder, temporary, {
      recursive: true,
      dereference: true, // a hub cache's links lead out of the folder
      filter: (path) => !rewritten.has(relative(resolve(folder), resolve(path))),
    });
    const specs = { from: encoder.spec, to: plan.model.spec };
    for (const file of files) {
      const own = plan.replacements.filter((replacement) => replacement.target.file === file);
      await overwriteTensors(file, join(temporary, weights.get(file)!), own, specs);
    }
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw VqraeError.isInstance(cause) ? cause : ioError(out, cause);
  }
  return plan;
}

/** The names of a folder's safetensors files by where they really lie. */
async function weightFiles(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));
  return new Map(await Promise.all(names.map(async (name) => [await realpath(join(folder, name)), name] as const)));
}
