import type { GbnfJsonBasicSchema, Llama, LlamaGrammar } from "node-llama-cpp";
import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";

/** Schemas inside schemas. */
const MAX_DEPTH = 64;

type Schema = Readonly<Record<string, unknown>>;

interface Scope {
  readonly depth: number;
  /** References to the outermost schema's definitions. */
  readonly defs: readonly string[];
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
 * The grammar of a JSON schema. Every answer that it allows is valid by the schema. It writes properties that are not
 * required too.
 * @throws UNSUPPORTED for a keyword that a grammar cannot keep to; INVALID_ARGUMENT for what is no schema
 */
export async function jsonGrammar(llama: Llama, schema: object): Promise<LlamaGrammar> {
  const { $defs } = isObject(schema) ? schema : {};
  const defs = isObject($defs) ? Object.keys($defs).map((name) => `#/$defs/${name}`) : [];
  const understood = checkedSchema(schema, "jsonSchema", { depth: 0, defs }) as GbnfJsonBasicSchema;
  try {
    return await llama.createGrammarForJsonSchema(understood);
  } catch (cause) {
    const received = `one that makes no grammar (${cause instanceof Error ? cause.message : cause})`;
    throw expectedBut("INVALID_ARGUMENT", "a JSON schema", "the option jsonSchema", received, { cause });
  }
}

function checkedSchema(value: unknown, place: string, { depth, defs }: Scope): Schema {
  if (!isObject(value)) throw expected("INVALID_ARGUMENT", "a JSON schema", place, value);
  if (depth > MAX_DEPTH) {
    const received = `deeper ones at ${place.slice(0, 60)}...`;
    throw expectedBut("UNSUPPORTED", `schemas in at most ${MAX_DEPTH} schemas`, "jsonSchema", received);
  }
  const schema = normalised(value);
  const kind = KEPT.find(({ has }) => has(schema));
  if (kind === undefined) {
    const mend = "Give it one type, or oneOf, const, enum or $ref.";
    throw expectedBut("UNSUPPORTED", "a schema with a type", place, JSON.stringify(value).slice(0, 80), mend);
  }
  for (const keyword of Object.keys(schema)) {
    if (ANNOTATIONS.has(keyword) || kind.keywords.includes(keyword)) continue;
    const mend = "Check the answer yourself instead.";
    const kept = kind.keywords.join(", ");
    throw expectedBut("UNSUPPORTED", `only ${kept} at this place`, place, `the keyword ${keyword}`, mend);
  }
  const { format, $ref } = schema;
  if (format !== undefined && !isOneOf(FORMATS, format)) {
    throw expected("UNSUPPORTED", `one of ${FORMATS.join(", ")}`, `${place}.format`, format);
  }
  if ("$ref" in schema && !isOneOf(defs, $ref)) {
    throw expected("UNSUPPORTED", "a definition of the schema's own $defs", `${place}.$ref`, $ref);
  }
  return { ...schema, ...checkedParts(schema, place, { depth: depth + 1, defs }) };
}

const isOneOf = (known: readonly string[], value: unknown): boolean => known.some((one) => one === value);

/** The schemas inside a schema. */
function checkedParts(schema: Schema, place: string, scope: Scope): Schema {
  const parts: Record<string, unknown> = {};
  for (const name of ["properties", "$defs"]) {
    if (!(name in schema)) continue;
    const named = schema[name];
    if (!isObject(named)) throw expected("INVALID_ARGUMENT", "schemas by name", `${place}.${name}`, named);
    const all = Object.entries(named);
    parts[name] = Object.fromEntries(
      all.map(([key, inner]) => [key, checkedSchema(inner, `${place}.${name}.${key}`, scope)]),
    );
  }
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

/** `anyOf` is what a grammar makes of `oneOf`; the bounds of a safe integer, which zod writes, exclude nothing. */
function normalised(schema: Schema): Schema {
  const said = Object.entries(schema).filter(
    ([keyword, value]) =>
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
