import * as z from "zod";
import { defineProjector, type Projector } from "../../contract/projector.ts";
import { expected, expectedBut } from "../../errors.ts";
import { isObject } from "../../files/read-file.ts";
import { option, parseOptions } from "../../options.ts";
import { tensorLookup } from "../../weights/tensor-lookup.ts";
import { openCheckpoint } from "../checkpoint.ts";
import type { Checkpoint } from "../checkpoint-parts.ts";
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
 * safetensors), of a `vqrae_projector` folder, or of an mmproj file. Weights are found and checked for shape, never read.
 *
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED; INVALID_ARGUMENT for what is no path and for
 *   options that are wrong
 */
export async function loadProjector(folder: string, options: LoadProjectorOptions = {}): Promise<Projector> {
  if (typeof folder !== "string" || folder === "")
    throw expected("INVALID_ARGUMENT", "a checkpoint folder or an mmproj file", "loadProjector", folder);
  const { families = [] } = parseOptions(optionsSchema, options, "loadProjector");
  return projectorOf(await openCheckpoint(folder), families);
}

/** The projector of a checkpoint that is open. */
export async function projectorOf(
  checkpoint: Checkpoint,
  families: readonly ProjectorFamily[] = [],
): Promise<Projector> {
  const { path: root, file, json, modelId } = checkpoint;
  if (checkpoint.weightsAlone) {
    const mend =
      "Take the model's folder in transformers' form: of Janus deepseek-community/Janus-Pro-1B or -7B, where DeepSeek's own " +
      "folders give their image tokenizer alone.";
    throw expectedBut(
      "UNSUPPORTED",
      "a vision language model's config.json",
      root,
      "weights that it does not describe",
      mend,
    );
  }
  const family = familyOf([families, Object.values(own)], json, file);
  const config = parseConfig(family.config, json, file);

  const all = tensorLookup(await checkpoint.tensors(), root);
  const prefixes = all.prefixesOf(family.landmark);
  if (prefixes.length > 1)
    throw expectedBut("UNSUPPORTED", "one projector", root, `${prefixes.length}: ${prefixes.join(", ")}`);
  // Where none is found, the first missing tensor's error says so.
  const tensors = all.below(prefixes[0] ?? "");
  const { inputDim, ...parts } = family.read(config, tensors);
  // The projector's own module: a tensor that nothing asked for would be left out of the computation.
  tensors.below(family.landmark.slice(0, family.landmark.indexOf(".") + 1)).requireAllUsed();
  const projector = defineProjector({ type: family.type, modelId, inputDim, ...parts });
  return checkpoint.mmproj?.undo(projector) ?? projector;
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
  const mend = "Only these have projectors here. A language model of text alone has none.";
  throw invalidConfig(`one of ${known.join(", ")}`, ["model_type"], file, config.model_type, mend);
}
