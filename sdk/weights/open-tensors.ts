import { basename, join } from "node:path";
import { expected, expectedBut } from "../errors.ts";
import { isFile, isObject, readJsonObject } from "../files/read-file.ts";
import { openSafetensors } from "./safetensors/open-safetensors.ts";
import type { StoredTensor } from "./safetensors/safetensors-header.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * The tensors of a checkpoint folder: of `model.safetensors` where there is one, else of the shards that
 * `model.safetensors.index.json` lists (transformers looks in the same order), shard after shard by their names.
 *
 * @throws CHECKPOINT_NOT_FOUND where neither is there or a shard is missing; INVALID_CHECKPOINT for a damaged file
 */
export async function openTensors(folder: string): Promise<ReadonlyMap<string, StoredTensor>> {
  if (await isFile(join(folder, SINGLE))) return (await openSafetensors(join(folder, SINGLE))).tensors;
  if (await isFile(join(folder, INDEX))) return openShards(folder);
  throw expectedBut(
    "CHECKPOINT_NOT_FOUND",
    `${SINGLE} or ${INDEX}`,
    folder,
    "a folder with neither",
    "Only safetensors weights are read: save others with `model.save_pretrained(folder)` of transformers.",
  );
}

async function openShards(folder: string): Promise<ReadonlyMap<string, StoredTensor>> {
  const index = join(folder, INDEX);
  const { weight_map: weightMap } = await readJsonObject(index, "INVALID_CHECKPOINT");
  if (!isObject(weightMap)) throw expected("INVALID_CHECKPOINT", "an object", `weight_map of ${index}`, weightMap);

  const namesByShard = new Map<string, string[]>();
  for (const [name, shard] of Object.entries(weightMap)) {
    // A plain file name: "../.." must not lead out of the folder.
    if (typeof shard !== "string" || shard === "" || shard !== basename(shard) || shard.includes("\\")) {
      throw expected("INVALID_CHECKPOINT", "a file name", `weight_map.${name} of ${index}`, shard);
    }
    const names = namesByShard.get(shard);
    if (names) names.push(name);
    else namesByShard.set(shard, [name]);
  }

  const tensors = new Map<string, StoredTensor>();
  for (const [shard, names] of [...namesByShard].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const stored = (await openSafetensors(join(folder, shard))).tensors;
    for (const name of names) {
      const tensor = stored.get(name);
      if (!tensor) {
        throw expectedBut("INVALID_CHECKPOINT", `tensor ${name}, as ${INDEX} says,`, join(folder, shard), "none");
      }
      tensors.set(name, tensor);
    }
  }
  return tensors;
}
