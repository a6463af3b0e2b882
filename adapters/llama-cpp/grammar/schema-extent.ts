import { expectedBut, isObject } from "../../../sdk/kit.ts";
import { definition, definitions, innerOf, type Schema } from "./schema.ts";

/**
 * What llama.cpp follows at a time grows with the schema when each reference is replaced by what it stands for: a short
 * schema of references to references doubles with each. Values and characters are those that OpenAI allows.
 */
const MOST = {
  /** Schemas, and repetitions: llama.cpp writes each item out that `minItems` or `maxLength` counts. */
  parts: 20_000,
  /** Of `enum`, `const` and `oneOf`. */
  values: 1000,
  /** Of names, `enum` and `const`. */
  characters: 120_000,
};

type Extent = Readonly<Record<keyof typeof MOST, number>>;

const NOTHING: Extent = { parts: 0, values: 0, characters: 0 };

const sum = (...all: readonly Extent[]): Extent =>
  all.reduce(
    (a, b) => ({ parts: a.parts + b.parts, values: a.values + b.values, characters: a.characters + b.characters }),
    NOTHING,
  );

/** Schemas in schemas, when each reference is replaced: what reads them goes as deep. */
const MAX_DEPTH = 300;

/** @throws UNSUPPORTED for a schema whose grammar would be too large */
export function requireExtent(document: Schema): void {
  const known = new Map<unknown, Extent>();
  const of = (schema: Schema, depth: number): Extent => {
    if (depth > MAX_DEPTH) throw tooLarge(`schemas ${MAX_DEPTH} deep`, "deeper ones");
    const found = known.get(schema);
    if (found !== undefined) return found;
    known.set(schema, NOTHING); // a schema inside itself is written once
    const inner = "$ref" in schema ? [definition(document, schema.$ref)] : innerOf(schema);
    const extent = sum(ownExtent(schema), ...inner.map((one) => of(one, depth + 1)));
    known.set(schema, extent);
    return extent;
  };
  for (const schema of [document, ...definitions(document)]) {
    const { parts, values, characters } = of(schema, 0);
    const counts = { parts, values, characters: characters + lengthOf(Object.keys(objectOf(document.$defs))) };
    for (const name of ["parts", "values", "characters"] as const) {
      if (counts[name] > MOST[name]) throw tooLarge(`at most ${MOST[name]} ${name}`, String(counts[name]));
    }
  }
}

const tooLarge = (most: string, received: string) =>
  expectedBut(
    "UNSUPPORTED",
    `${most}, each reference replaced by what it stands for,`,
    "the option jsonSchema",
    received,
    "Ask for a smaller schema.",
  );

const objectOf = (value: unknown): Schema => (isObject(value) ? value : {});

/** Of a schema without those inside it. */
function ownExtent(schema: Schema): Extent {
  const literals = [...("const" in schema ? [schema.const] : []), ...(Array.isArray(schema.enum) ? schema.enum : [])];
  const alternatives = Array.isArray(schema.oneOf) ? schema.oneOf.length : 0;
  return {
    parts: 1 + repetitions(schema) + literals.length,
    values: literals.length + alternatives,
    characters: lengthOf(literals.slice(0, MOST.values)) + lengthOf(Object.keys(objectOf(schema.properties))),
  };
}

const BOUNDS = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/** The largest bound on a count. */
const repetitions = (schema: Schema): number =>
  Math.max(0, ...BOUNDS.map((name) => Number(schema[name] ?? 0)).filter((count) => count > 0));

const lengthOf = (values: readonly unknown[]): number =>
  values.reduce<number>((length, value) => length + (JSON.stringify(value)?.length ?? 0), 0);
