import * as z from "zod";
import { expected, present } from "../../errors.ts";

/**
 * The kinds of field that our configs have. Each one's `error` says what is expected, as a phrase that fits
 * "Expected ... for <field> but received <value>".
 */
const positive = { error: "a whole number > 0" };
export const positiveInteger = z.int(positive).positive(positive);
const natural = { error: "a whole number >= 0" };
export const nonNegativeInteger = z.int(natural).nonnegative(natural);
export const integer = z.int({ error: "a whole number" });
export const positiveNumber = z.number({ error: "a number > 0" }).positive({ error: "a number > 0" });
const tiny = { error: "a number > 0 and at most 1" };
/** A norm's epsilon. */
export const epsilon = z.number(tiny).positive(tiny).max(1, tiny);
export const flag = z.boolean({ error: "true or false" });
export const oneOf = <const T extends readonly [string, ...string[]]>(...values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => JSON.stringify(value)).join(", ")}` });

/** A block's number or a list of them, read as a list. */
export const layers = z
  .union([integer, z.array(integer).min(1)], { error: "a layer or a list of layers" })
  .transform((value) => (typeof value === "number" ? [value] : value));

const triple = { error: "three numbers (red, green, blue)" };
export const rgb = z.tuple([z.number(triple), z.number(triple), z.number(triple)], triple);
const positives = { error: "three numbers > 0 (red, green, blue)" };
const scale = z.number(positives).positive(positives);
export const rgbScale = z.tuple([scale, scale, scale], positives);

/** A count of channels, which is read as no more than a check. */
export const rgbChannels = z
  .literal(3, { error: "3 (RGB)" })
  .nullish()
  .transform(() => undefined);

/** An object that may hold these fields only. */
export const section = <T extends z.core.$ZodLooseShape>(fields: T) =>
  z.strictObject(fields, {
    error: ({ code }) =>
      code === "unrecognized_keys" ? `no such field (the fields are ${Object.keys(fields).join(", ")})` : "an object",
  });

/** An object of somebody else's: these fields count, the others are left alone. */
export const looseSection = <T extends z.core.$ZodLooseShape>(fields: T) =>
  z.looseObject(fields, { error: "an object" });

/**
 * Validates `value`; `path` names where it sits in `file`, for messages such as
 * "Expected a whole number > 0 for codebook.size in /m/config.json but received -1."
 */
export function parseConfig<T>(schema: z.ZodType<T>, value: unknown, file: string, path: readonly string[] = []): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = present(result.error.issues[0], "an issue of a value that is wrong");
  const inside = issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path;
  const mend: unknown = issue.code === "custom" ? issue.params?.mend : undefined;
  const sentence = typeof mend === "string" ? mend : undefined;
  throw invalidConfig(issue.message, [...path, ...inside], file, valueAt(value, inside), sentence);
}

/** The error for one field; `received` undefined means that it is missing. */
export function invalidConfig(
  what: string,
  path: readonly PropertyKey[],
  file: string,
  received: unknown,
  mend?: string,
) {
  const name = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  const subject = path.length > 0 ? `${name.replace(/^\./, "")} in ${file}` : file;
  return expected("INVALID_CONFIG", what, subject, received, mend);
}

/** What `path` leads to; undefined where it leads to nothing. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((inside, key) => (inside as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
