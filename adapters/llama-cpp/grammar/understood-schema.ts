import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";

/** Schemas inside schemas. */
const MAX_DEPTH = 64;
/** Schemas in all. */
const MAX_SCHEMAS = 20_000;

export type Schema = Readonly<Record<string, unknown>>;

interface Scope {
  readonly depth: number;
  /** References to the outermost schema's definitions. */
  readonly defs: ReadonlySet<unknown>;
  /** Of all schemas so far. */
  readonly count: { schemas: number };
}

/** Say nothing about the value. */
const ANNOTATIONS = new Set(
  "$schema $id $comment $defs title description default examples deprecated readOnly writeOnly".split(" "),
);
const PRIMITIVES = ["string", "number", "integer", "boolean", "null"];

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
 * @throws UNSUPPORTED for a keyword that a grammar cannot keep to; INVALID_ARGUMENT for what is no schema
 */
export function understoodSchema(schema: object): Schema {
  const { $defs } = isObject(schema) ? schema : {};
  const defs = new Set(isObject($defs) ? Object.keys($defs).map((name) => `#/$defs/${name}`) : []);
  const count = { schemas: 0 };
  const checked = checkedSchema(schema, "jsonSchema", { depth: 0, defs, count });
  return $defs === undefined
    ? checked
    : { ...checked, $defs: namedSchemas($defs, "jsonSchema.$defs", { depth: 1, defs, count }) };
}

/** The schemas right inside a schema. */
export function innerOf({ oneOf, prefixItems, properties, items, additionalProperties }: Schema): Schema[] {
  const lists = [oneOf, prefixItems].flatMap((list) => (Array.isArray(list) ? list : []));
  const named = isObject(properties) ? Object.values(properties) : [];
  return [...lists, ...named, items, additionalProperties].filter(isObject);
}

/** The schemas that a document refers to. */
export const definitions = ({ $defs }: Schema): Schema[] =>
  isObject($defs) ? Object.values($defs).filter(isObject) : [];

/** What a reference of an understood document stands for. */
export function definition({ $defs }: Schema, ref: unknown): Schema {
  const found = isObject($defs) ? $defs[String(ref).replace("#/$defs/", "")] : undefined;
  return isObject(found) ? found : {};
}

function checkedSchema(value: unknown, place: string, { depth, defs, count }: Scope): Schema {
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
  const kind = KEPT.find(({ has }) => has(schema));
  if (kind === undefined) {
    const mend = "Give it one type, or oneOf, const, enum or $ref.";
    throw expectedBut("UNSUPPORTED", "a schema with a type", place, JSON.stringify(value).slice(0, 80), mend);
  }
  for (const keyword of Object.keys(schema)) {
    if (kind.keywords.includes(keyword)) continue;
    const mend = "Check the answer yourself instead.";
    const kept = kind.keywords.join(", ");
    throw expectedBut("UNSUPPORTED", `only ${kept} at this place`, place, `the keyword ${keyword}`, mend);
  }
  const { format, $ref } = schema;
  if (format !== undefined && !isOneOf(FORMATS, format)) {
    throw expected("UNSUPPORTED", `one of ${FORMATS.join(", ")}`, `${place}.format`, format);
  }
  if ("$ref" in schema && !defs.has($ref)) {
    throw expected("UNSUPPORTED", "a definition of the schema's own $defs", `${place}.$ref`, $ref);
  }
  return { ...schema, ...checkedParts(schema, place, { depth: depth + 1, defs, count }) };
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

/** `anyOf` is what a grammar makes of `oneOf`; the bounds of a safe integer, which zod writes, exclude nothing. */
function normalised(schema: Schema): Schema {
  const said = Object.entries(schema).filter(
    ([keyword, value]) =>
      !ANNOTATIONS.has(keyword) &&
      !(keyword === "minimum" && value === Number.MIN_SAFE_INTEGER) &&
      !(keyword === "maximum" && value === Number.MAX_SAFE_INTEGER),
  );
  const name = (keyword: string) => (keyword === "anyOf" && !("oneOf" in schema) ? "oneOf" : keyword);
  return Object.fromEntries(said.map(([keyword, value]) => [name(keyword), value]));
}

function isPrimitive(type: unknown): boolean {
  const types = Array.isArray(type) ? type : [type];
  return types.length > 0 && types.every((one) => isOneOf(PRIMITIVES, one));
}
