import { basename, join } from "node:path";
import { expected, expectedBut } from "../errors.ts";
import { isFile, isObject, readJsonObject } from "../files/read-file.ts";
import { type Dtype, isDtype } from "./dtypes.ts";
import { openSafetensors } from "./safetensors/open-safetensors.ts";
import type { StoredTensor } from "./safetensors/safetensors-header.ts";
import type { StridedDtype } from "./tensor-ref.ts";
import { isTorchPath, openTorchFile } from "./torch-zip/open-torch-file.ts";

/** Where transformers looks, in its order (modeling_utils.py, `_get_resolved_checkpoint_files`). */
const PLACES = [
  { single: "model.safetensors", index: "model.safetensors.index.json" },
  { single: "pytorch_model.bin", index: "pytorch_model.bin.index.json" },
] as const;

const NAMES = PLACES.flatMap(({ single, index }) => [single, index]);

/** As it lies in a safetensors file or a file of torch.save. */
export type FolderTensor = StoredTensor<Dtype | StridedDtype<Dtype>>;

/**
 * The tensors of a checkpoint folder: of `model.safetensors` where there is one, else of the shards that
 * `model.safetensors.index.json` lists, else of `pytorch_model.bin` or its shards (transformers looks in the same order), shard after
 * shard by their names.
 *
 * @throws CHECKPOINT_NOT_FOUND where none is there or a shard is missing; INVALID_CHECKPOINT for a damaged file; UNSUPPORTED for a
 *   torch file with a tensor whose numbers do not lie one after the other, and as `openTorchFile`
 */
export async function openTensors(folder: string): Promise<ReadonlyMap<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of await openFolderTensors(folder)) {
    const { dtype } = tensor;
    if (!isDtype(dtype)) throw notAsTheyLie(tensor);
    tensors.set(name, { ...tensor, dtype });
  }
  return tensors;
}

/**
 * The same, with those tensors of torch files that `readTensor` has to gather.
 * @throws as `openTensors`
 */
export async function openFolderTensors(folder: string): Promise<ReadonlyMap<string, FolderTensor>> {
  for (const { single, index } of PLACES) {
    if (await isFile(join(folder, single))) return openWeights(join(folder, single));
    if (await isFile(join(folder, index))) return openShards(folder, index);
  }
  throw expectedBut(
    "CHECKPOINT_NOT_FOUND",
    `${NAMES.slice(0, -1).join(", ")} or ${NAMES.at(-1)}`,
    folder,
    "a folder with none of them",
    "Only safetensors and torch weights are read: save others with `model.save_pretrained(folder)` of transformers.",
  );
}

/** Whether a folder has weights by one of the names that `openTensors` looks for. */
export async function hasFolderTensors(folder: string): Promise<boolean> {
  return (await Promise.all(NAMES.map((name) => isFile(join(folder, name))))).includes(true);
}

/** Whether a path's name is that of a file of weights. */
export const isWeightsPath = (path: string): boolean => isTorchPath(path) || path.endsWith(".safetensors");

/** The tensors of one file: of torch.save by its name's ending, else safetensors. */
export async function openWeights(path: string): Promise<ReadonlyMap<string, FolderTensor>> {
  return (await (isTorchPath(path) ? openTorchFile(path) : openSafetensors(path))).tensors;
}

const notAsTheyLie = ({ name, file }: FolderTensor) =>
  expectedBut(
    "UNSUPPORTED",
    "numbers that lie one after the other",
    `tensor ${name} of ${file}`,
    "a view with strides, such as a transposed weight",
    "Save `{name: tensor.contiguous()}` of its state_dict again.",
  );

async function openShards(folder: string, indexName: string): Promise<ReadonlyMap<string, FolderTensor>> {
  const index = join(folder, indexName);
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

  const tensors = new Map<string, FolderTensor>();
  for (const [shard, names] of [...namesByShard].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const stored = await openWeights(join(folder, shard));
    for (const name of names) {
      const tensor = stored.get(name);
      if (!tensor) {
        throw expectedBut("INVALID_CHECKPOINT", `tensor ${name}, as ${indexName} says,`, join(folder, shard), "none");
      }
      tensors.set(name, tensor);
    }
  }
  return tensors;
}
