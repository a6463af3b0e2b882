import { expected, expectedBut } from "../../../sdk/kit.ts";
import type { Schema } from "./schema.ts";

const RANGES = [
  ["minItems", "maxItems"],
  ["minLength", "maxLength"],
  ["minProperties", "maxProperties"],
] as const;

/** Control characters, for which JSON has escapes and node-llama-cpp's grammars have not, and halves of characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNWRITTEN = /[\0-\x08\x0b\x0c\x0e-\x1f]|\p{Surrogate}/u;

/**
 * Refuses what a grammar would be made of all the same, and then allow something else: counts that are none, lists without
 * anything to choose, texts that the answer could not have in JSON.
 * @throws INVALID_ARGUMENT; UNSUPPORTED for such a text
 */
export function requirePossible(schema: Schema, place: string): void {
  for (const [least, most] of RANGES) {
    for (const name of [least, most]) {
      const count = schema[name];
      if (count === undefined || (Number.isInteger(count) && Number(count) >= 0)) continue;
      throw expected("INVALID_ARGUMENT", "a whole number from 0", `${place}.${name}`, count);
    }
    if (Number(schema[least] ?? 0) > Number(schema[most] ?? Number.POSITIVE_INFINITY)) {
      const received = `${least} ${schema[least]} and ${most} ${schema[most]}`;
      throw expectedBut("INVALID_ARGUMENT", "bounds that a value can be between", place, received);
    }
  }
  for (const name of ["enum", "oneOf"]) {
    const list = schema[name];
    if (list === undefined || (Array.isArray(list) && list.length > 0)) continue;
    throw expected("INVALID_ARGUMENT", "a list of one or more", `${place}.${name}`, list);
  }
  const literals = [schema.const, ...(Array.isArray(schema.enum) ? schema.enum : [])];
  const names = typeof schema.properties === "object" && schema.properties ? Object.keys(schema.properties) : [];
  for (const text of [...literals, ...names]) {
    if (typeof text !== "string" || !UNWRITTEN.test(text)) continue;
    throw expected("UNSUPPORTED", "names and values without control characters and half characters", place, text);
  }
}
