import { cp, readdir, realpath, rename, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { onDisk, temporaryBeside } from "../../../sdk/kit.ts";
import { requireFit } from "../compare.ts";
import type { ParsedOptions } from "../options.ts";
import type { VisionTower } from "../vision-tower.ts";
import { overwriteTensors } from "./overwrite-tensors.ts";
import { type CheckpointPlan, planCheckpoint } from "./plan-checkpoint.ts";

/**
 * Writes the folder `out`: the vision language model in `folder` with the encoder's weights in its tower. It appears when it is
 * complete. A killed swap leaves a folder of another name beside it, which the next one removes.
 *
 * @throws as `planCheckpoint`; INCOMPATIBLE for differences that are not allowed; INVALID_CHECKPOINT for weights that are not
 *   finite; IO_ERROR where the disk refuses
 */
export async function swapCheckpoint(
  folder: string,
  encoder: VisionTower,
  out: string,
  options: ParsedOptions,
): Promise<CheckpointPlan> {
  const plan = await planCheckpoint(folder, encoder, out, options);
  requireFit(plan.found, options.allow, folder, encoder.modelId);
  const target = resolve(out);
  const temporary = await temporaryBeside(target);
  try {
    await onDisk(out, async () => {
      const rewritten = (await weightFiles(folder)).flatMap(({ name, file }) => {
        const own = plan.replacements.filter((replacement) => replacement.target.file === file);
        return own.length > 0 ? [{ name, file, own }] : [];
      });
      const names = new Set(rewritten.map(({ name }) => name));
      await cp(folder, temporary, {
        recursive: true,
        dereference: true, // a hub cache's links lead out of the folder
        filter: (path) => !names.has(relative(resolve(folder), resolve(path))),
      });
      const specs = { from: encoder.spec, to: plan.model.spec };
      for (const { name, file, own } of rewritten) await overwriteTensors(file, join(temporary, name), own, specs);
      await rename(temporary, target);
    });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
  return plan;
}

/** A folder's safetensors files, and where they really lie. */
async function weightFiles(folder: string): Promise<{ name: string; file: string }[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors"));
  return Promise.all(names.map(async (name) => ({ name, file: await realpath(join(folder, name)) })));
}
