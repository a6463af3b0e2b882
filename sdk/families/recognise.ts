import { expectedBut } from "../errors.ts";
import { isWeightsPath } from "../weights/open-tensors.ts";
import { type CheckpointTensor, tensorLookup } from "../weights/tensor-lookup.ts";
import type { Family } from "./family.ts";

/** Names in a message. */
const SHOWN = 6;

/**
 * The config.json that weights without one would have, by the first family that knows them.
 * @throws INVALID_CHECKPOINT naming what was looked at, and what for; CHECKPOINT_NOT_FOUND where it is a folder, which a config.json
 * would make one
 */
export function recognise(
  families: readonly Family[],
  tensors: ReadonlyMap<string, CheckpointTensor>,
  path: string,
): Record<string, unknown> {
  const lookup = tensorLookup(tensors, path);
  const able = families.filter((family) => family.recognise !== undefined);
  for (const family of able) {
    const config = family.recognise?.(lookup);
    if (config) return config;
  }
  const names = [...tensors].slice(0, SHOWN).map(([name, { shape }]) => `${name} [${shape.join(", ")}]`);
  const received = `${tensors.size} tensors: ${names.join(", ")}${tensors.size > SHOWN ? ", ..." : ""}`;
  const known = able.flatMap(({ recognises = [] }) => recognises).join("; ");
  const mend = `Without config.json these are known by their tensors: ${known}. A model of another kind needs its config.json.`;
  if (isWeightsPath(path))
    throw expectedBut("INVALID_CHECKPOINT", "a tokenizer that is known", path, received, { mend, path });
  const what = "a folder with config.json, or with the weights of a tokenizer that is known,";
  throw expectedBut("CHECKPOINT_NOT_FOUND", what, path, received, { mend, path });
}
