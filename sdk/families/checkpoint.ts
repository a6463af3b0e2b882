import type { Stats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { expectedBut } from "../errors.ts";
import { readJsonObject } from "../files/read-file.ts";
import { hasFolderTensors, isWeightsPath, openFolderTensors, openWeights } from "../weights/open-tensors.ts";
import type { Checkpoint } from "./checkpoint-parts.ts";
import { readLicence } from "./licence.ts";
import { openMmproj } from "./mmproj/open-mmproj.ts";

/** Whether a path names an mmproj file rather than a folder. */
export const isGgufPath = (path: string): boolean => path.endsWith(".gguf");

/**
 * Opens a folder with config.json, an mmproj, or weights whose family their tensors tell: a file, or a folder with one.
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG; as `openMmproj` for an mmproj
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const root = resolve(path);
  const status = await stat(root).catch(() => null);
  if (isGgufPath(root) && !status?.isDirectory()) return openMmproj(root);
  if (status?.isFile() && isWeightsPath(root)) return weightsAlone(root, root);
  const file = join(root, "config.json");
  // A link to nothing is a config.json too, which cannot be read.
  const json = (await lstat(file).catch(() => null)) ? await readJsonObject(file, "INVALID_CONFIG") : null;
  if (status?.isDirectory() && (json === null || !describesModel(json))) {
    const weights = await onlyWeights(root);
    if (weights !== null) return weightsAlone(root, weights);
  }
  if (json === null) throw noCheckpoint(root, status, path);
  return {
    path: root,
    file,
    modelId: basename(root),
    licence: await readLicence(root),
    json,
    weightsAlone: false,
    processor: null,
    tensors: async () => {
      const weights = await onlyWeights(root);
      return weights === null || weights === root ? openFolderTensors(root) : openWeights(weights);
    },
    mmproj: null,
  };
}

/**
 * DeepSeek's own config.json of Janus has none of its tokenizer's sizes, which the tensors tell. Nor has one that diffusers'
 * `register_to_config` writes (Show-o).
 */
const describesModel = (config: Record<string, unknown>): boolean =>
  config.model_type !== "multi_modality" && (config.model_type !== undefined || !Object.hasOwn(config, "_class_name"));

/** @param weights the file, or the folder whose usual files are read */
async function weightsAlone(root: string, weights: string): Promise<Checkpoint> {
  const single = root === weights && isWeightsPath(root);
  const name = basename(root);
  return {
    path: root,
    file: weights,
    modelId: single ? name.slice(0, name.lastIndexOf(".")) : name,
    licence: await readLicence(single ? dirname(root) : root),
    json: {},
    weightsAlone: true,
    processor: null,
    tensors: () => (weights === root && !single ? openFolderTensors(root) : openWeights(weights)),
    mmproj: null,
  };
}

/** Weights by their usual names, or the only file of weights; null where there is none, or several. */
async function onlyWeights(folder: string): Promise<string | null> {
  if (await hasFolderTensors(folder)) return folder;
  const names = (await readdir(folder)).filter(isWeightsPath);
  const [name] = names;
  return name !== undefined && names.length === 1 ? join(folder, name) : null;
}

function noCheckpoint(root: string, status: Stats | null, path: string) {
  const received = status ? (status.isDirectory() ? "a folder without config.json" : "a file") : "nothing there";
  const mend =
    "A checkpoint holds config.json and model.safetensors (or its shards and their index), or is an mmproj file or one of weights.";
  return expectedBut("CHECKPOINT_NOT_FOUND", "a folder with config.json", root, received, { mend, path });
}
