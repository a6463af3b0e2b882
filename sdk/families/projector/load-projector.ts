import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { defineProjector, type Projector } from "../../contract/projector.ts";
import { expected, expectedBut } from "../../errors.ts";
import { isObject, readJsonObject } from "../../files/read-file.ts";
import { option, parseOptions } from "../../options.ts";
import { openTensors } from "../../weights/open-tensors.ts";
import { tensorLookup } from "../../weights/tensor-lookup.ts";
import { invalidConfig, parseConfig } from "../fields/config-fields.ts";
import * as own from "./all.ts";
import type { ProjectorFamily } from "./projector-family.ts";

export interface LoadProjectorOptions {
  /** Families of your own, which go before those that are known. */
  readonly families?: readonly ProjectorFamily[];
}

const optionsSchema = z.strictObject({
  families: option.custom<readonly ProjectorFamily[]>(
    "a list of what defineProjectorFamily returns",
    (value) => Array.isArray(value) && value.every((one) => isObject(one) && typeof one.read === "function"),
  ),
});

/**
 * Reads the projector of a vision language model's checkpoint folder as it comes from the hub (config.json and
 * safetensors), or of a `vqrae_projector` folder. Weights are found and checked for shape, never read.
 *
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED; INVALID_ARGUMENT for what is no path and for
 *   options that are wrong
 */
export async function loadProjector(folder: string, options: LoadProjectorOptions = {}): Promise<Projector> {
  if (typeof folder !== "string" || folder === "")
    throw expected("INVALID_ARGUMENT", "a checkpoint folder", "loadProjector", folder);
  const root = resolve(folder);
  const { families = [] } = parseOptions(optionsSchema, options, "loadProjector");
  const file = join(root, "config.json");
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const family = familyOf([families, Object.values(own)], json, file);
  const config = parseConfig(family.config, json, file);

  const all = tensorLookup(await openTensors(root), root);
  const prefixes = all.prefixesOf(family.landmark);
  if (prefixes.length > 1)
    throw expectedBut("UNSUPPORTED", "one projector", root, `${prefixes.length}: ${prefixes.join(", ")}`);
  // Where none is found, the first missing tensor's error says so.
  const tensors = all.below(prefixes[0] ?? "");
  const { inputDim, ...parts } = family.read(config, tensors);
  // The projector's own module: a tensor that nothing asked for would be left out of the computation.
  tensors.below(family.landmark.slice(0, family.landmark.indexOf(".") + 1)).requireAllUsed();
  return defineProjector({ type: family.type, modelId: basename(root), inputDim, ...parts });
}

/** The first list that has one goes before the others. */
function familyOf(
  lists: readonly (readonly ProjectorFamily[])[],
  config: Record<string, unknown>,
  file: string,
): ProjectorFamily {
  for (const families of lists) {
    const found =
      families.find(({ marker }) => marker !== null && marker in config) ??
      families.find(({ modelTypes }) => modelTypes.some((type) => type === config.model_type));
    if (found) return found;
  }
  const known = lists.flat().flatMap(({ modelTypes }) => modelTypes);
  const mend = "Only these have projectors here.";
  throw invalidConfig(`one of ${known.join(", ")}`, ["model_type"], file, config.model_type, mend);
}
