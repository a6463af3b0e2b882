import { expectedBut, isObject } from "../../../sdk/kit.ts";
import { recursiveParts } from "./optional-recursion.ts";
import { definition, type Schema } from "./schema.ts";

/** Alternatives at one place that lead to themselves again. */
const MAX_LEADING = 100;

/**
 * llama.cpp follows every alternative that an answer may be in so far. Where two alternatives that begin alike both lead to
 * themselves again, each level of an answer such as "[[[[" doubles what it follows; 13 levels take a second.
 * @throws UNSUPPORTED for a schema with such alternatives
 */
export function requireNoAmbiguity(schema: Schema): void {
  const recursive = recursiveParts(schema);
  if (recursive.size === 0) return;
  const known = new Map<unknown, readonly Schema[]>();

  /** What a value may be that leads to itself, through references and alternatives in alternatives. */
  const leading = (value: unknown): readonly Schema[] => {
    if (!isObject(value) || !recursive.has(value)) return [];
    const found = known.get(value);
    if (found !== undefined) return found;
    known.set(value, []);
    const groups =
      "$ref" in value
        ? [leading(definition(schema, value.$ref))]
        : Array.isArray(value.oneOf)
          ? value.oneOf.map(leading)
          : [[value]];
    const all = groups.flat();
    if (all.length > MAX_LEADING) {
      const what = `at most ${MAX_LEADING} alternatives that lead to themselves again`;
      throw expectedBut("UNSUPPORTED", what, "the option jsonSchema", `${all.length}`);
    }
    // Inside a group they are told apart already.
    for (const [i, group] of groups.entries()) {
      const others = groups.slice(i + 1).flat();
      if (group.every((one) => others.every((other) => toldApart(one, other, recursive)))) continue;
      const mend = "Give each a first property with a const of its own.";
      const received = "two that begin alike and lead to themselves again";
      throw expectedBut("UNSUPPORTED", "alternatives that are told apart", "the option jsonSchema", received, mend);
    }
    known.set(value, all);
    return all;
  };
  for (const part of recursive) leading(part);
}

/** Whether what stands before the first part that leads to itself says which of two schemas a value is of. */
function toldApart(one: Schema, other: Schema, recursive: ReadonlySet<unknown>): boolean {
  if (one.type !== other.type) return true;
  const [properties, others] = [one, other].map(({ properties: own }) => (isObject(own) ? Object.entries(own) : []));
  for (const [i, [name, value]] of (properties ?? []).entries()) {
    const [otherName, otherValue] = others?.[i] ?? [];
    if (otherName === undefined) return false;
    if (name !== otherName) return true;
    const [literals, otherLiterals] = [literalsOf(value), literalsOf(otherValue)];
    if (literals && otherLiterals && !literals.some((literal) => otherLiterals.includes(literal))) return true;
    if (recursive.has(value) || recursive.has(otherValue)) return false;
  }
  return false;
}

function literalsOf(value: unknown): readonly string[] | null {
  if (!isObject(value)) return null;
  if ("const" in value) return [JSON.stringify(value.const)];
  return Array.isArray(value.enum) ? value.enum.map((one) => JSON.stringify(one)) : null;
}
