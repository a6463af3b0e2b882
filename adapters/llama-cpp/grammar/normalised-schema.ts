import { isObject } from "../../../sdk/kit.ts";
import type { Schema } from "./schema.ts";

/** Say nothing about the value. */
const ANNOTATIONS = new Set(
  (
    "$schema $id $comment $anchor $vocabulary $defs definitions title description default example examples deprecated " +
    "readOnly writeOnly contentEncoding contentMediaType"
  ).split(" "),
);
const PRIMITIVES = ["string", "number", "integer", "boolean", "null"];

/** What each keyword is about; without a `type` it says that a value is of this one, if it is to be of any. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  object: "properties required additionalProperties minProperties maxProperties propertyNames patternProperties".split(
    " ",
  ),
  array: "items prefixItems additionalItems minItems maxItems uniqueItems contains".split(" "),
  string: "minLength maxLength pattern format".split(" "),
  number: "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf".split(" "),
};
const typeOf = (keyword: string): string | undefined =>
  Object.keys(TYPES).find((type) => TYPES[type]?.includes(keyword));

/** Whole numbers between two bounds that are written as a list. */
const MOST_INTEGERS = 100;

/** Any JSON value. */
const ANY: Schema = {
  oneOf: [
    { type: PRIMITIVES.filter((type) => type !== "integer") },
    { type: "array" },
    { type: "object", additionalProperties: true },
  ],
};

/** Whether a type is one of those that have no parts, or a list of such types. */
export function isPrimitive(type: unknown): boolean {
  const types = Array.isArray(type) ? type : [type];
  return types.length > 0 && types.every((one) => PRIMITIVES.some((primitive) => primitive === one));
}

/**
 * A schema in fewer words. It allows the same values, or fewer: a tuple ends after its items, and a schema without a
 * type has the type that its keywords are about.
 */
export function normalised(given: Schema): Schema {
  const steps = [plain, merged, distributed, typed, inTypes, nullable, tuple, record, described, integers];
  return steps.reduce((schema, step) => step(schema), given);
}

/** Without annotations; `anyOf` is what a grammar makes of `oneOf`; what zod writes of safe integers excludes nothing. */
function plain(schema: Schema): Schema {
  const said = Object.entries(schema).filter(
    ([keyword, value]) =>
      !ANNOTATIONS.has(keyword) &&
      !(keyword === "minimum" && value === Number.MIN_SAFE_INTEGER) &&
      !(keyword === "maximum" && value === Number.MAX_SAFE_INTEGER) &&
      !(keyword.startsWith("unevaluated") && value === false),
  );
  const name = (keyword: string) => (keyword === "anyOf" && !("oneOf" in schema) ? "oneOf" : keyword);
  return Object.fromEntries(said.map(([keyword, value]) => [name(keyword), value]));
}

/** `allOf` of objects, or of schemas that speak of different keywords, as one schema. */
function merged({ allOf, ...rest }: Schema): Schema {
  if (allOf === undefined) return rest;
  const all = [rest, ...(Array.isArray(allOf) ? allOf : [])].filter(isObject).map(plain);
  const said = all.filter((one) => Object.keys(one).length > 0);
  const keywords = said.flatMap(Object.keys);
  if (new Set(keywords).size === keywords.length) return Object.assign({}, ...said);
  const areObjects = said.every(({ type = "object" }) => type === "object");
  if (!areObjects || keywords.some((keyword) => !MERGED.includes(keyword))) return { ...said[0], allOf };
  const properties = Object.assign({}, ...said.map((one) => one.properties ?? {}));
  const required = said.flatMap((one) => (Array.isArray(one.required) ? one.required : []));
  return { type: "object", properties, required, additionalProperties: false };
}
const MERGED = ["type", "properties", "required", "additionalProperties"];

/** What stands beside alternatives of an object is of each of them. */
function distributed({ oneOf, ...rest }: Schema): Schema {
  const own = Object.entries(rest).filter(([keyword]) => MERGED.includes(keyword));
  if (!Array.isArray(oneOf)) return oneOf === undefined ? rest : { ...rest, oneOf };
  if (own.length === 0 || !oneOf.every(isObject)) return { ...rest, oneOf };
  const others = Object.entries(rest).filter(([keyword]) => !MERGED.includes(keyword));
  const each = oneOf.map((alternative) => ({ allOf: [Object.fromEntries(own), alternative] }));
  return { ...Object.fromEntries(others), oneOf: each };
}

/** With a type, where there is none and nothing else decides. */
function typed(schema: Schema): Schema {
  const decided = ["type", "$ref", "oneOf", "const", "enum"].some((keyword) => keyword in schema);
  if (decided) return schema;
  const type = Object.keys(schema)
    .map(typeOf)
    .find((one) => one !== undefined);
  if (type !== undefined) return { type, ...schema };
  return { ...ANY, ...schema };
}

/** Each of several types as an alternative with the keywords that are about it. */
function inTypes(schema: Schema): Schema {
  const { type, ...rest } = schema;
  if (!Array.isArray(type) || "enum" in schema || "const" in schema) return schema;
  const [only] = type;
  if (type.length === 1) return { ...rest, type: only };
  if (isPrimitive(type) && Object.keys(rest).length === 0) return schema;
  const about = (keyword: string, one: unknown) =>
    [undefined, one === "integer" ? "number" : one].includes(typeOf(keyword));
  return {
    oneOf: type.map((one) => ({
      type: one,
      ...Object.fromEntries(Object.entries(rest).filter(([keyword]) => about(keyword, one))),
    })),
  };
}

/** OpenAPI's `nullable`. */
function nullable({ nullable: may, ...schema }: Schema): Schema {
  if (may === true) return { oneOf: [schema, { type: "null" }] };
  return may === undefined || may === false ? schema : { ...schema, nullable: may };
}

/** A list of schemas for a list's items, as drafts before 2020-12 have it, is `prefixItems`. A tuple ends with them. */
function tuple(schema: Schema): Schema {
  if (schema.type !== "array") return schema;
  const { additionalItems, ...rest } = schema;
  const isOld = Array.isArray(rest.items);
  const { items, ...others } = isOld ? { ...rest, items: additionalItems, prefixItems: rest.items } : rest;
  const { prefixItems } = others;
  const more = isObject(items) ? { items } : {};
  if (!Array.isArray(prefixItems)) return items === false ? { ...others, maxItems: 0 } : { ...others, ...more };
  return { ...others, ...more, ...(!isObject(items) && { maxItems: prefixItems.length }) };
}

/** Names that are a list are properties; names that are any text say nothing. */
function record({ propertyNames, ...schema }: Schema): Schema {
  if (!isObject(propertyNames)) return schema;
  const { type: _, ...names } = plain(propertyNames);
  if (Object.keys(names).length === 0) return schema;
  const all = "const" in names ? [names.const] : names.enum;
  if (!Array.isArray(all) || "properties" in schema) return { ...schema, propertyNames };
  const { additionalProperties = true, ...rest } = schema;
  return { ...rest, properties: Object.fromEntries(all.map((name) => [String(name), additionalProperties])) };
}

/** A property that is required is described: where nothing is said of it, as the other properties are. */
function described(schema: Schema): Schema {
  const { properties = {}, required, additionalProperties: others = true } = schema;
  if (schema.type !== "object" || !isObject(properties) || !Array.isArray(required) || others === false) return schema;
  const missing = required.filter((name) => typeof name === "string" && !Object.hasOwn(properties, name));
  if (missing.length === 0) return schema;
  return { ...schema, properties: { ...properties, ...Object.fromEntries(missing.map((name) => [name, others])) } };
}

/** Few whole numbers are a list of them. */
function integers(schema: Schema): Schema {
  const { type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, ...rest } = schema;
  if (type !== "integer" || "enum" in rest || "const" in rest) return schema;
  const least = Math.max(Math.ceil(bound(minimum, -Infinity)), Math.floor(bound(exclusiveMinimum, -Infinity)) + 1);
  const most = Math.min(Math.floor(bound(maximum, Infinity)), Math.ceil(bound(exclusiveMaximum, Infinity)) - 1);
  const count = most - least + 1;
  if (!(count > 0 && count <= MOST_INTEGERS)) return schema;
  return { ...rest, enum: Array.from({ length: count }, (_, i) => least + i) };
}

const bound = (value: unknown, other: number): number => (typeof value === "number" ? value : other);
