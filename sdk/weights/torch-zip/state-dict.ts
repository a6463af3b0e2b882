import { describe, expectedBut } from "../../errors.ts";
import { MAX_DEPTH, MAX_ENTRIES, MAX_NAME_LENGTH, MAX_TENSORS } from "./limits.ts";
import { type Pickled, PickledDict, PickledObject, TorchTensor } from "./pickle-values.ts";

/** A dictionary of tensors, and the keys that lead to it. */
export interface StateDict {
  readonly path: readonly string[];
  readonly tensors: ReadonlyMap<string, TorchTensor>;
}

/**
 * What trainers call the weights, the ones that are evaluated first: LlamaGen's evaluation takes "ema" before "model" before
 * "state_dict" (tokenizer/tokenizer_image/reconstruction_vq_ddp.py).
 */
const WEIGHTS: readonly string[] = [
  "ema",
  "ema_state_dict",
  "model_ema",
  "state_dict_ema",
  "state_dict",
  "model_state_dict",
  "model",
  "module",
  "trainer.unitok",
  "model.sd",
  "weights",
  "net",
];

/** Of the optimiser and of losses; never a model's own. */
const OTHERS = /optim|scheduler|sched|loss|discriminator|lpips|scaler/i;

/**
 * The weights of a file: its own dictionary where that holds tensors, else the one inside it that trainers call by one of
 * their names, else the only one that is not an optimiser's or a loss's. Averages that Lightning keeps beside the weights
 * ("model_ema.") take their places.
 *
 * @throws INVALID_CHECKPOINT naming what is there, where none of these is
 */
export function weightsOf(value: Pickled, file: string): StateDict {
  const found = stateDicts(value, file);
  const named = (name: string) => found.find(({ path }) => path.join(".") === name);
  const own = found.filter(({ path }) => !path.some((key) => OTHERS.test(key)));
  const chosen =
    named("") ?? WEIGHTS.map(named).find((dict) => dict !== undefined) ?? (own.length === 1 ? own[0] : null);
  if (chosen) return { path: chosen.path, tensors: withAverages(chosen.tensors, file) };
  throw expectedBut("INVALID_CHECKPOINT", "a dictionary of tensors", file, told(value, found), { path: file });
}

function told(value: Pickled, found: readonly StateDict[]): string {
  if (found.length > 0) return `several: ${found.map(({ path }) => path.join(".")).join(", ")}`;
  if (value instanceof PickledObject) return `an object of ${value.of}, which is never made`;
  if (value instanceof TorchTensor) return "one tensor without a name";
  if (!(value instanceof PickledDict)) return describe(value);
  const keys = [...value.entries.keys()].filter((key) => typeof key === "string");
  return `a dictionary without tensors: ${keys.slice(0, 8).join(", ") || "it is empty"}`;
}

/** Every dictionary that holds tensors, outer ones first. */
export function stateDicts(value: Pickled, file: string): StateDict[] {
  const found: StateDict[] = [];
  let left = MAX_ENTRIES;
  const look = (part: Pickled, path: readonly string[]): void => {
    if (!(part instanceof PickledDict) || path.length > MAX_DEPTH) return;
    const tensors = new Map<string, TorchTensor>();
    for (const [key, entry] of part.entries) {
      if (left-- === 0) throw expectedBut("INVALID_CHECKPOINT", `at most ${MAX_ENTRIES} entries`, file, "more");
      if (typeof key !== "string") continue;
      if (entry instanceof TorchTensor) tensors.set(key, entry);
    }
    if (tensors.size > 0) found.push({ path, tensors: checked(tensors, file) });
    for (const [key, entry] of part.entries) if (typeof key === "string") look(entry, [...path, key]);
  };
  look(value, []);
  return found;
}

function checked(tensors: Map<string, TorchTensor>, file: string): Map<string, TorchTensor> {
  const long = [...tensors.keys()].find((name) => name.length > MAX_NAME_LENGTH);
  if (long === undefined && tensors.size <= MAX_TENSORS) return tensors;
  const received = long === undefined ? `${tensors.size}` : `one whose name has ${long.length} characters`;
  const what = `at most ${MAX_TENSORS} tensors, with names of at most ${MAX_NAME_LENGTH} characters,`;
  throw expectedBut("INVALID_CHECKPOINT", what, file, received);
}

const AVERAGES = "model_ema.";

/** `model_ema.<name without its dots>` is the running average of `<name>` (taming-transformers' LitEma). */
function withAverages(tensors: ReadonlyMap<string, TorchTensor>, file: string): ReadonlyMap<string, TorchTensor> {
  if (![...tensors.keys()].some((name) => name.startsWith(AVERAGES))) return tensors;
  const averaged = new Map<string, TorchTensor>();
  const taken = new Map<string, string>();
  for (const [name, tensor] of tensors) {
    if (name.startsWith(AVERAGES)) continue;
    const key = AVERAGES + name.replaceAll(".", "");
    const average = tensors.get(key);
    const other = average && taken.get(key);
    if (other !== undefined) {
      throw expectedBut("INVALID_CHECKPOINT", `one tensor that ${key} is the average of`, file, `${other} and ${name}`);
    }
    if (average) taken.set(key, name);
    averaged.set(name, average ?? tensor);
  }
  return averaged;
}
