import { basename } from "node:path";
import { expectedBut } from "../../errors.ts";
import { isObject } from "../../files/read-file.ts";
import type { GgufFile, GgufTensor } from "../../weights/gguf/gguf-file.ts";
import { invalidGguf } from "../../weights/gguf/gguf-file.ts";
import { readGguf } from "../../weights/gguf/read-gguf.ts";
import { isBlockDtype, readableTypes } from "../../weights/gguf/tensor-data.ts";
import type { CheckpointTensor } from "../../weights/tensor-lookup.ts";
import type { Checkpoint } from "../checkpoint-parts.ts";
import type { VitNames } from "../vit/architecture.ts";
import * as own from "./all.ts";
import type { MmprojFamily } from "./mmproj-family.ts";
import { type MmprojKeys, mmprojKeys } from "./mmproj-keys.ts";
import { towerOf } from "./stored-tower.ts";
import { checkpointNames, mmprojBlockNames, mmprojTowerNames, type TowerNames } from "./tower-names.ts";

/**
 * An mmproj file of llama.cpp as a checkpoint. Its tensors are where they lie.
 * @throws as `readGguf`; INVALID_GGUF for a file without a vision tower or with a wrong key; UNSUPPORTED for a projector type
 *   or a type of tensors that is not known
 */
export async function openMmproj(path: string): Promise<Checkpoint> {
  const gguf = await readGguf(path);
  const keys = mmprojKeys(gguf);
  const family = familyOf(keys, gguf.file);
  const json = family.config(keys);
  const tower = towerOf(keys, family, isObject(json.vision_config) ? json.vision_config : {});
  return {
    path: gguf.file,
    file: gguf.file,
    modelId: basename(gguf.file, ".gguf"),
    licence: keys.text("general.license"),
    json: { ...json, vision_config: tower.config },
    weightsAlone: false,
    processor: family.processor(keys),
    tensors: async () => tensorsOf(gguf, tower.names, family, keys),
    mmproj: {
      undo: (projector) => family.undo?.(projector, keys) ?? projector,
      family: tower.family,
    },
  };
}

function familyOf(keys: MmprojKeys, file: string): MmprojFamily {
  const architecture = keys.text("general.architecture");
  if (architecture !== "clip") {
    const received = architecture === null ? "a file of no architecture" : `a model of architecture ${architecture}`;
    const mend = "A language model's file has no vision tower: pass the mmproj file that belongs to it.";
    throw invalidGguf("an mmproj with a vision tower", file, received, mend);
  }
  const type = keys.text("clip.vision.projector_type") ?? keys.text("clip.projector_type");
  if (!keys.flag("clip.has_vision_encoder")) {
    const received = keys.flag("clip.has_audio_encoder") ? "an mmproj for audio alone" : "an mmproj without one";
    throw invalidGguf("an mmproj with a vision tower", file, received, "Pass the mmproj file of a model that sees.");
  }
  const known = Object.values(own);
  const found = known.find((family) => family.type === type);
  if (found) return found;
  const types = known.map((family) => family.type).join(", ");
  const mend = "Load the folder of the model that it was made from.";
  throw expectedBut("UNSUPPORTED", `one of ${types}`, `the projector type of ${file}`, type ?? "none", mend);
}

function tensorsOf(
  gguf: GgufFile,
  tower: VitNames | TowerNames,
  family: MmprojFamily,
  keys: MmprojKeys,
): ReadonlyMap<string, CheckpointTensor> {
  const blocks = keys.number("clip.vision.block_count");
  const width = keys.number("clip.vision.embedding_length");
  const names = checkpointNames(tower, Math.min(blocks, gguf.tensors.size));
  const projector = typeof family.projector === "function" ? family.projector(keys) : family.projector;
  for (const [stored, name] of Object.entries(projector)) names.set(stored, name);
  const swapped = isSwapped(gguf, width);
  const found = new Map<string, CheckpointTensor>();
  for (const tensor of gguf.tensors.values()) {
    const { name: stored } = tensor;
    // What no family names keeps its own name, for the check that nothing goes unread.
    const name = names.get(swapped ? swap(stored) : stored) ?? stored;
    found.set(name, { ...inPlace(tensor, gguf), name, shape: shapeOf(tensor, tower, width) });
  }
  return found;
}

/** The converter drops axes of one. */
function shapeOf({ name, shape }: GgufTensor, tower: VitNames | TowerNames, width: number): readonly number[] {
  if ("parts" in tower) return shape;
  if (name === mmprojTowerNames.class_token && shape.length === 1) return tower.classTokenShape(width);
  if (name === mmprojTowerNames.positions && shape.length === 2) return tower.positionsShape(shape[0] ?? 0, width);
  return shape;
}

/** Old converters call the first linear `ffn_down` (tools/mtmd/clip.cpp looks at its width too). */
const isSwapped = ({ tensors }: GgufFile, width: number): boolean => {
  const first = tensors.get(`v.blk.0.${mmprojBlockNames.fc2}.weight`)?.shape;
  return first !== undefined && first[1] === width && first[0] !== width;
};

const swap = (name: string): string =>
  name.replace(/\.ffn_(up|down)\./, (_, which) => `.ffn_${which === "up" ? "down" : "up"}.`);

function inPlace(
  { name, type, offset, length }: GgufTensor,
  { file, identity }: GgufFile,
): Omit<CheckpointTensor, "shape"> {
  if (type === "F32" || type === "F16" || type === "BF16" || isBlockDtype(type)) {
    return { name, dtype: type, file, identity, offset, length };
  }
  const mend = "Make the mmproj again with --outtype f16, or take the file of 16 bits.";
  throw expectedBut("UNSUPPORTED", `one of ${readableTypes.join(", ")}`, `tensor ${name} of ${file}`, type, mend);
}
