import { isObject } from "../../../sdk/kit.ts";

export type Schema = Readonly<Record<string, unknown>>;

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
