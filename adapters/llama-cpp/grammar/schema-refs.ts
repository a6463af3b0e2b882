import { isObject } from "../../../sdk/kit.ts";

/** References of one document. */
export interface SchemaRefs {
  /** The name in `$defs` of what a reference stands for, which is then among `pending`; null for what is not there. */
  nameOf(ref: unknown): string | null;
  /** The schemas that must be in `$defs`, by their names. */
  readonly pending: ReadonlyMap<string, unknown>;
}

/** Words in which definitions stand: those of JSON Schema since 2019-09, and before. */
const DEFINITIONS = ["$defs", "definitions"];

/** Reads references into a document's definitions, to itself ("#") and to any other place in it (RFC 6901). */
export function refsOf(document: object): SchemaRefs {
  const pending = new Map<string, unknown>();
  const byRef = new Map<string, string>();
  for (const word of DEFINITIONS) {
    const named = Reflect.get(document, word);
    for (const [name, value] of isObject(named) ? Object.entries(named) : []) {
      if (pending.has(name)) continue;
      pending.set(name, value);
      byRef.set(`#/${word}/${escaped(name)}`, name);
    }
  }
  return {
    pending,
    nameOf(ref) {
      const known = byRef.get(String(ref));
      if (known !== undefined) return known;
      const value = at(document, ref);
      if (value === undefined) return null;
      const name = String(ref);
      byRef.set(name, name);
      pending.set(name, value);
      return name;
    },
  };
}

const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** What a JSON pointer in a fragment leads to; undefined for nothing. */
function at(document: object, ref: unknown): unknown {
  if (typeof ref !== "string" || !/^#(\/|$)/.test(ref)) return undefined;
  let value: unknown = document;
  for (const step of ref.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = Reflect.get(value, name);
  }
  return value;
}
