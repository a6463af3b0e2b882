import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { expectedBut } from "../errors.ts";
import { isFile, readJsonObject } from "../files/read-file.ts";
import { openTensors } from "../weights/open-tensors.ts";
import { tensorLookup } from "../weights/tensor-lookup.ts";
import { families as ownFamilies } from "./all.ts";
import type { Family } from "./family.ts";
import { familyOf, sectionAt } from "./family-of.ts";
import { parseConfig } from "./fields/config-fields.ts";
import { withFewerTokens } from "./image/fewer-tokens.ts";
import { readLicence } from "./licence.ts";
import type { Model } from "./model.ts";

/**
 * Reads and validates a checkpoint folder: a VQRAE, an encoder alone as it comes from the hub, or one of `families`, which
 * go before those that are known. Weights are found and checked for shape, never read.
 *
 * @param options `maxImageTokens`: fewer than the processor's file allows
 * @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG or INVALID_CHECKPOINT; UNSUPPORTED for an encoder's unsupported variant, and for
 *   `maxImageTokens` where images have one size; INVALID_ARGUMENT for fewer tokens than the least image has
 */
export async function readModel(
  folder: string,
  families: readonly Family[] = [],
  { maxImageTokens }: { readonly maxImageTokens?: number | undefined } = {},
): Promise<Model> {
  const root = resolve(folder);
  await requireFolder(root);
  const file = join(root, "config.json");
  const json = await readJsonObject(file, "INVALID_CONFIG");
  const { family, path } = familyOf([...families, ...ownFamilies], json, file);
  const source = { folder: root, file, json, path };
  const config = parseConfig(family.config, sectionAt(json, path), file, path);
  const own = await family.image(config, source);
  const image = maxImageTokens === undefined ? own : withFewerTokens(own, maxImageTokens, root);
  const base = { modelId: basename(root), folder: root, licence: await readLicence(root), image };
  return family.read(config, tensorLookup(await openTensors(root), root), base, source);
}

async function requireFolder(folder: string): Promise<void> {
  const status = await stat(folder).catch(() => null);
  if (status?.isDirectory() && (await isFile(join(folder, "config.json")))) return;
  const received = status ? (status.isDirectory() ? "a folder without config.json" : "a file") : "nothing there";
  const mend = "A checkpoint holds config.json and model.safetensors (or its shards and their index).";
  throw expectedBut("CHECKPOINT_NOT_FOUND", "a folder with config.json", folder, received, { mend, path: folder });
}
