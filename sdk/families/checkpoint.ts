import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { expectedBut } from "../errors.ts";
import { isFile, readJsonObject } from "../files/read-file.ts";
import { openFolderTensors } from "../weights/open-tensors.ts";
import type { Checkpoint } from "./checkpoint-parts.ts";
import { readLicence } from "./licence.ts";
import { openMmproj } from "./mmproj/open-mmproj.ts";

/** Whether a path names an mmproj file rather than a folder. */
export const isGgufPath = (path: string): boolean => path.endsWith(".gguf");

/** @throws CHECKPOINT_NOT_FOUND, INVALID_CONFIG; as `openMmproj` for an mmproj */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const root = resolve(path);
  if (isGgufPath(root) && !(await stat(root).catch(() => null))?.isDirectory()) return openMmproj(root);
  await requireFolder(root, path);
  const file = join(root, "config.json");
  return {
    path: root,
    file,
    modelId: basename(root),
    licence: await readLicence(root),
    json: await readJsonObject(file, "INVALID_CONFIG"),
    processor: null,
    tensors: () => openFolderTensors(root),
    mmproj: null,
  };
}

async function requireFolder(root: string, path: string): Promise<void> {
  const status = await stat(root).catch(() => null);
  if (status?.isDirectory() && (await isFile(join(root, "config.json")))) return;
  const received = status ? (status.isDirectory() ? "a folder without config.json" : "a file") : "nothing there";
  const mend =
    "A checkpoint holds config.json and model.safetensors (or its shards and their index), or is an mmproj file.";
  throw expectedBut("CHECKPOINT_NOT_FOUND", "a folder with config.json", root, received, { mend, path });
}
