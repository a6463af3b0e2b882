import { expectedBut, VqraeError } from "../errors.ts";
import { isWeightsPath } from "../weights/open-tensors.ts";
import { type CheckpointTensor, type TensorLookup, tensorLookup } from "../weights/tensor-lookup.ts";
import type { Family } from "./family.ts";

/** Names in a message. */
const SHOWN = 6;

type Tensors = ReadonlyMap<string, CheckpointTensor>;

export interface Recognised {
  /** The config.json that the weights would have. */
  readonly json: Record<string, unknown>;
  readonly tensors: TensorLookup;
}

/**
 * The config.json that weights without one would have, by the first family that knows them, and their tensors below what a trainer put
 * before all names.
 * @throws INVALID_CHECKPOINT naming what was looked at, and what for; CHECKPOINT_NOT_FOUND where it is a folder, which a config.json
 * would make one
 */
export function recognise(families: readonly Family[], tensors: Tensors, path: string): Recognised {
  const able = families.filter((family) => family.recognise !== undefined);
  for (const family of able) {
    const found = unwrapped(family, tensors, path);
    const json = found && family.recognise?.(found);
    if (json) return { json, tensors: found };
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

/**
 * What trainers and wrappers put before all names of a model: DistributedDataParallel, torch.compile, averages, and the names that a
 * model has inside of another.
 */
const WRAPPERS =
  /^(?:(?:module|_orig_mod|model|ema|ema_model|online_model|net|vq_model|vqgan|vqvae|vae|tokenizer|autoencoder|first_stage_model)\.)+/;
/** Averages are what is evaluated. */
const AVERAGES = /(?:^|\.)ema(?:_model)?\./;

/**
 * The tensors as `family` knows them: all of them, or those below a wrapper's name; null where it knows none.
 * @throws INVALID_CHECKPOINT where it knows those of several wrappers, none of which is an average
 */
function unwrapped(family: Family, tensors: Tensors, path: string): TensorLookup | null {
  const all = tensorLookup(tensors, path);
  if (family.recognise?.(all)) return all;
  const wrappers = new Set([...tensors.keys()].flatMap((name) => WRAPPERS.exec(name)?.[0] ?? []));
  const known = [...wrappers].filter((prefix) => family.recognise?.(all.below(prefix)));
  const averages = known.filter((prefix) => AVERAGES.test(prefix));
  const [chosen] = known.length > 1 ? averages : known;
  if (known.length > 1 && averages.length !== 1) {
    const names = known.map((prefix) => `${prefix}*`).join(", ");
    throw expectedBut("INVALID_CHECKPOINT", "one tokenizer", path, `several: ${names}`, { path });
  }
  return chosen === undefined ? null : all.below(chosen);
}

/**
 * What is thrown where weights are not what config.json says they are: with the config.json of the tokenizer that their tensors are known
 * as, where that is another.
 * @param said config.json's own
 */
export function ofOtherWeights(
  error: unknown,
  families: readonly Family[],
  tensors: Tensors,
  path: string,
  said: Record<string, unknown>,
): unknown {
  if (!VqraeError.isInstance(error)) return error;
  const known = families.map((family) => {
    try {
      const found = unwrapped(family, tensors, path);
      return (found && family.recognise?.(found)) ?? null;
    } catch {
      return null; // a damaged one of that family
    }
  });
  const own = known.find((json) => json !== null);
  if (!own || (own.model_type === said.model_type && own.variant === said.variant)) return error;
  return error.withSentence(`By their tensors these weights are those of a config.json ${JSON.stringify(own)}.`);
}

/** The tensors of a checkpoint whose config.json names the family. @throws as `recognise` */
export const tensorsOf = (family: Family, tensors: Tensors, path: string): TensorLookup =>
  (family.recognise && unwrapped(family, tensors, path)) ?? tensorLookup(tensors, path);
