import { isObject } from "../../../sdk/kit.ts";
import { definition, definitions, innerOf, type Schema } from "./schema.ts";

/**
 * Grammars write each property of an object. Properties that are not required and lead to the object again would never
 * end: here the object is one of two, with all of these properties and without them.
 */
export function withOptionalRecursion(document: Schema): Schema {
  const recursive = recursiveParts(document);
  if (recursive.size === 0) return document;
  const all = (values: unknown): unknown => (Array.isArray(values) ? values.map(one) : values);
  const named = (values: unknown): unknown =>
    isObject(values) ? Object.fromEntries(Object.entries(values).map(([name, value]) => [name, one(value)])) : values;

  const one = (value: unknown): unknown => {
    if (!isObject(value)) return value;
    const schema: Record<string, unknown> = { ...value };
    for (const name of ["oneOf", "prefixItems"]) if (name in schema) schema[name] = all(schema[name]);
    for (const name of ["properties", "$defs"]) if (name in schema) schema[name] = named(schema[name]);
    for (const name of ["items", "additionalProperties"]) if (name in schema) schema[name] = one(schema[name]);
    const optional = Object.keys(objectOf(value.properties)).filter(
      (name) => recursive.has(objectOf(value.properties)[name]) && !listOf(value.required).includes(name),
    );
    if (optional.length === 0) return schema;
    const { $defs, ...rest } = schema;
    const without = Object.entries(objectOf(rest.properties)).filter(([name]) => !optional.includes(name));
    const alternatives = [{ ...rest, properties: Object.fromEntries(without) }, rest];
    return { oneOf: alternatives, ...($defs !== undefined && { $defs }) };
  };
  return objectOf(one(document));
}

const objectOf = (value: unknown): Schema => (isObject(value) ? value : {});
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Schemas from which a way leads to a schema that has itself inside. */
export function recursiveParts(document: Schema): ReadonlySet<unknown> {
  const state = new Map<unknown, "open" | boolean>();
  const leads = (schema: unknown): boolean => {
    if (!isObject(schema)) return false;
    const known = state.get(schema);
    if (known === "open") return true;
    if (known !== undefined) return known;
    state.set(schema, "open");
    const next = "$ref" in schema ? [definition(document, schema.$ref)] : innerOf(schema);
    const found = next.map(leads).includes(true);
    state.set(schema, found);
    return found;
  };
  for (const part of [document, ...definitions(document)]) leads(part);
  return new Set([...state].filter(([, found]) => found === true).map(([schema]) => schema));
}
