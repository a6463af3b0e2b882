import { basename, join, resolve } from "node:path";
import { defineProjector, type Projector } from "../../contract/projector.ts";
import { expected, expectedBut } from "../../errors.ts";
import { readJsonObject } from "../../files/read-file.ts";
import { openTensors } from "../../weights/open-tensors.ts";
import { tensorLookup } from "../../weights/tensor-lookup.ts";
import { invalidConfig, parseConfig } from "../fields/config-fields.ts";
import { families } from "./all.ts";
import type { ProjectorFamily } from "./projector-family.ts";

/**
 * Reads the projector of a vision language model's checkpoint folder as it comes from the hub (config.json and
 * safetensors), or of a `vqrae_projector` folder. Weights are found and checked for shape, never read.
 *
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED; INVALID_ARGUMENT for what is no path
 */
export async function loadProjector(folder: string): Promise<Projector> {
  if (typeof folder !== "string" || folder === "")
    throw expected("INVALID_ARGUMENT", "a checkpoint folder", "loadProjector", folder);
  const root = resolve(folder);
  const file = join(root, "config.json");
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const family = familyOf(json, file);
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

function familyOf(config: Record<string, unknown>, file: string): ProjectorFamily {
  const { model_type: modelType } = config;
  const found =
    families.find(({ marker }) => marker !== null && marker in config) ??
    families.find(({ modelTypes }) => modelTypes.includes(modelType as string));
  if (found) return found;
  const known = families.flatMap(({ modelTypes }) => modelTypes);
  throw invalidConfig(
    `one of ${known.join(", ")}`,
    ["model_type"],
    file,
    modelType,
    "Only these have projectors here.",
  );
}
