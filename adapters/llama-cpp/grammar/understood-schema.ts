import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";
import { isPrimitive, normalised } from "./normalised-schema.ts";
import { requirePossible } from "./possible-schema.ts";
import type { Schema } from "./schema.ts";
import { refsOf } from "./schema-refs.ts";

/** Schemas inside schemas. */
const MAX_DEPTH = 64;
/** Schemas in all. */
const MAX_SCHEMAS = 20_000;

interface Scope {
  readonly depth: number;
  /** The name in `$defs` of what a reference stands for; null for none. */
  readonly nameOf: (ref: unknown) => string | null;
  /** Of all schemas so far. */
  readonly count: { schemas: number };
  readonly onWarning: ((warning: string) => void) | undefined;
}

/** Keywords that node-llama-cpp's grammar keeps to beside each one that it decides by, in its own order. */
const KEPT: readonly { has: (schema: Schema) => boolean; keywords: readonly string[] }[] = [
  { has: (schema) => "$ref" in schema, keywords: ["$ref"] },
  { has: (schema) => "oneOf" in schema, keywords: ["oneOf"] },
  { has: (schema) => "const" in schema, keywords: ["const", "type"] },
  { has: (schema) => "enum" in schema, keywords: ["enum", "type"] },
  {
    has: ({ type }) => type === "object",
    keywords: ["type", "properties", "required", "additionalProperties", "minProperties", "maxProperties"],
  },
  { has: ({ type }) => type === "array", keywords: ["type", "items", "prefixItems", "minItems", "maxItems"] },
  { has: ({ type }) => type === "string", keywords: ["type", "minLength", "maxLength", "format"] },
  { has: ({ type }) => isPrimitive(type), keywords: ["type"] },
];
const FORMATS = ["date-time", "time", "date"];

/**
 * A JSON schema in the words that node-llama-cpp's grammars are made of, without what says nothing about a value.
 * @param onWarning called with each keyword that a grammar cannot keep to, which is left out then
 * @throws UNSUPPORTED for such a keyword where there is no `onWarning`; INVALID_ARGUMENT for what is no schema
 */
export function understoodSchema(schema: object, onWarning?: (warning: string) => void): Schema {
  const { nameOf, pending } = refsOf(schema);
  const count = { schemas: 0 };
  const checked = checkedSchema(schema, "jsonSchema", { depth: 0, nameOf, count, onWarning });
  const $defs: Record<string, unknown> = {};
  // What is referred to may refer to more.
  for (const [name, value] of pending) {
    $defs[name] = checkedSchema(value, `jsonSchema.$defs.${name}`, { depth: 1, nameOf, count, onWarning });
  }
  return pending.size === 0 ? checked : { ...checked, $defs };
}

function checkedSchema(given: unknown, place: string, scope: Scope): Schema {
  const { depth, count, onWarning } = scope;
  const value = given === true ? {} : given;
  if (!isObject(value)) throw expected("INVALID_ARGUMENT", "a JSON schema", place, value);
  if (depth > MAX_DEPTH) {
    const received = `deeper ones at ${place.slice(0, 60)}...`;
    throw expectedBut("UNSUPPORTED", `schemas in at most ${MAX_DEPTH} schemas`, "jsonSchema", received);
  }
  count.schemas += 1;
  if (count.schemas > MAX_SCHEMAS) {
    throw expectedBut("UNSUPPORTED", `at most ${MAX_SCHEMAS} schemas`, "the option jsonSchema", "more");
  }
  const schema = normalised(value);
  requirePossible(schema, place);
  const kind = KEPT.find(({ has }) => has(schema));
  if (kind === undefined) {
    const mend = "Give it one type, or oneOf, const, enum or $ref.";
    throw expectedBut("UNSUPPORTED", "a schema with a type", place, JSON.stringify(value).slice(0, 80), mend);
  }
  const kept: Record<string, unknown> = {};
  for (const [keyword, said] of Object.entries(schema)) {
    const known = kind.keywords.includes(keyword);
    if (known && (keyword !== "format" || isOneOf(FORMATS, said))) kept[keyword] = said;
    else if (onWarning) onWarning(`${place} has the keyword ${keyword}, which no grammar keeps to.`);
    else if (known) throw expected("UNSUPPORTED", `one of ${FORMATS.join(", ")}`, `${place}.format`, said);
    else {
      const mend = "Check the answer yourself instead.";
      const keywords = kind.keywords.join(", ");
      throw expectedBut("UNSUPPORTED", `only ${keywords} at this place`, place, `the keyword ${keyword}`, mend);
    }
  }
  if ("$ref" in kept) {
    const name = scope.nameOf(kept.$ref);
    if (name === null) {
      throw expected("UNSUPPORTED", "a definition of the schema's own $defs", `${place}.$ref`, kept.$ref);
    }
    return { $ref: `#/$defs/${name}` };
  }
  return { ...kept, ...checkedParts(kept, place, { ...scope, depth: depth + 1 }) };
}

const isOneOf = (known: readonly string[], value: unknown): boolean => known.some((one) => one === value);

/** The schemas inside a schema. */
function checkedParts(schema: Schema, place: string, scope: Scope): Schema {
  const parts: Record<string, unknown> = {};
  if ("properties" in schema) parts.properties = namedSchemas(schema.properties, `${place}.properties`, scope);
  for (const name of ["oneOf", "prefixItems"]) {
    if (!(name in schema)) continue;
    if (!Array.isArray(schema[name])) {
      throw expected("INVALID_ARGUMENT", "a list of schemas", `${place}.${name}`, schema[name]);
    }
    parts[name] = schema[name].map((inner, i) => checkedSchema(inner, `${place}.${name}[${i}]`, scope));
  }
  for (const name of ["items", "additionalProperties"]) {
    if (name in schema && !(name === "additionalProperties" && typeof schema[name] === "boolean")) {
      parts[name] = checkedSchema(schema[name], `${place}.${name}`, scope);
    }
  }
  return parts;
}

function namedSchemas(named: unknown, place: string, scope: Scope): Schema {
  if (!isObject(named)) throw expected("INVALID_ARGUMENT", "schemas by name", place, named);
  const all = Object.entries(named).map(([key, inner]) => [key, checkedSchema(inner, `${place}.${key}`, scope)]);
  return Object.fromEntries(all);
}
