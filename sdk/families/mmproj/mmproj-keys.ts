import { expected } from "../../errors.ts";
import { type GgufFile, invalidGguf } from "../../weights/gguf/gguf-file.ts";
import { isNumberList } from "../../weights/gguf/values.ts";

/**
 * Set by ViT swap where the rows of a tower's positions are not in the model's order: llama.cpp adds them to tokens in one of
 * its own, with the class token last.
 */
export const MMPROJ_POSITIONS_KEY = "vqrae.position_rows";

/** An mmproj's keys. Each one that a reader asks for must be of its type. */
export interface MmprojKeys {
  /** @throws INVALID_GGUF for a key that is missing or no number */
  number(key: string): number;
  numberOr<T>(key: string, otherwise: T): number | T;
  numbers(key: string): readonly number[];
  numbersOr<T>(key: string, otherwise: T): readonly number[] | T;
  /** false where it is missing. */
  flag(key: string): boolean;
  /** None where it is missing. */
  flags(key: string): readonly boolean[];
  text(key: string): string | null;
  hasTensor(name: string): boolean;
  /** @throws INVALID_GGUF for a tensor that is missing */
  shape(tensor: string): readonly number[];
}

export function mmprojKeys({ file, metadata, tensors }: GgufFile): MmprojKeys {
  const at = (key: string) => metadata.get(key);
  const wrong = (key: string, what: string) => {
    const found = at(key);
    if (found === undefined) return invalidGguf(what, `the key ${key} of ${file}`, "no such key");
    return expected("INVALID_GGUF", what, `the key ${key} of ${file}`, found.value);
  };
  const keys: MmprojKeys = {
    number(key) {
      const found = at(key);
      if (typeof found?.value !== "number") throw wrong(key, "a number");
      return found.value;
    },
    numberOr: (key, otherwise) => (metadata.has(key) ? keys.number(key) : otherwise),
    numbers(key) {
      const found = at(key);
      if (found === undefined || !isNumberList(found)) throw wrong(key, "a list of numbers");
      return found.value;
    },
    numbersOr: (key, otherwise) => (metadata.has(key) ? keys.numbers(key) : otherwise),
    flag(key) {
      const found = at(key);
      if (found !== undefined && found.type !== "bool") throw wrong(key, "true or false");
      return found?.value === true;
    },
    flags(key) {
      const found = at(key);
      if (found === undefined) return [];
      if (found.type !== "array" || found.of !== "bool") throw wrong(key, "a list of true and false");
      return found.value.map((one) => one === true);
    },
    text(key) {
      const found = at(key);
      if (found !== undefined && found.type !== "string") throw wrong(key, "text");
      return found?.type === "string" ? found.value : null;
    },
    hasTensor: (name) => tensors.has(name),
    shape(tensor) {
      const found = tensors.get(tensor);
      if (found === undefined) throw invalidGguf(`the tensor ${tensor}`, file, "no such tensor");
      return found.shape;
    },
  };
  return keys;
}

/** What all towers' keys say, in transformers' fields. `gelu`: what the family's models mean by it. */
export function towerConfig(keys: MmprojKeys, gelu: string): Record<string, unknown> {
  const number = (name: string) => keys.number(`clip.vision.${name}`);
  return {
    hidden_size: number("embedding_length"),
    intermediate_size: number("feed_forward_length"),
    num_hidden_layers: number("block_count"),
    num_attention_heads: number("attention.head_count"),
    image_size: number("image_size"),
    patch_size: number("patch_size"),
    layer_norm_eps: shortest(number("attention.layer_norm_epsilon")),
    hidden_act: hiddenAct(keys, gelu),
  };
}

/** The activation of the MLPs. `gelu`: what the family's models mean by it. */
export const hiddenAct = (keys: MmprojKeys, gelu: string): string =>
  keys.flag("clip.use_silu") ? "silu" : keys.flag("clip.use_gelu") ? gelu : "quick_gelu";

/** The mean and the deviation of each channel, as an image processor's fields have them. */
export const channelFields = (keys: MmprojKeys): Record<string, unknown> => ({
  image_mean: keys.numbers("clip.vision.image_mean").map(shortest),
  image_std: keys.numbers("clip.vision.image_std").map(shortest),
});

/** The number that was rounded to 32 bits, where it was written in seven digits or eight. */
export function shortest(value: number): number {
  for (const digits of [7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

export const square = (side: number) => ({ height: side, width: side });
