import { getLlama, type Llama, LlamaLogLevel } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { JsonGrammars } from "../../../adapters/llama-cpp/grammar/json-grammars.ts";
import { understoodSchema } from "../../../adapters/llama-cpp/grammar/understood-schema.ts";
import { failure } from "../checkpoint/temporary.ts";

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
});
afterAll(() => llama.dispose());

const signal = new AbortController().signal;
const a = <T extends z.ZodType>(inner: T) => z.object({ a: inner });
const tree = z.object({
  v: z.enum(["x"]),
  get next() {
    return tree.optional();
  },
});
const pair = z.object({
  get left() {
    return pair.optional();
  },
  get right() {
    return z.array(pair).optional();
  },
});

/** A schema, an answer that its grammar allows, one that it does not, and the keywords that it does without. */
const cases: readonly (readonly [string, z.ZodType, unknown, unknown, readonly string[]])[] = [
  ["min", a(z.string().min(1)), { a: "x" }, { a: "" }, []],
  ["email", a(z.email()), { a: "x@y.zz" }, { a: 1 }, ["format", "pattern"]],
  ["url", a(z.url()), { a: "http://x.y" }, { a: 1 }, ["format"]],
  ["uuid", a(z.uuid()), { a: "8f14e45f-ceea-467f-a4b1-6d3c7a0f8c1e" }, { a: null }, ["format", "pattern"]],
  ["regex", a(z.string().regex(/^a+$/)), { a: "aa" }, { a: [] }, ["pattern"]],
  ["date", a(z.iso.date()), { a: "2026-11-29" }, { a: "yesterday" }, ["pattern"]],
  ["positive", a(z.number().positive()), { a: 1.5 }, { a: "1" }, ["exclusiveMinimum"]],
  ["multipleOf", a(z.number().multipleOf(5)), { a: 5 }, { a: "5" }, ["multipleOf"]],
  ["int of a range", a(z.int().min(1).max(5)), { a: 5 }, { a: 6 }, []],
  ["int above", a(z.int().min(1)), { a: 5 }, { a: 5.5 }, ["minimum"]],
  ["record", a(z.record(z.string(), z.enum(["x"]))), { a: { k: "x", l: "x" } }, { a: { k: "y" } }, []],
  ["record of names", a(z.record(z.enum(["k", "l"]), z.int())), { a: { k: 1, l: 2 } }, { a: { m: 1 } }, []],
  ["tuple", a(z.tuple([z.enum(["x"]), z.boolean()])), { a: ["x", true] }, { a: ["x", true, 1] }, []],
  ["tuple with a rest", a(z.tuple([z.enum(["x"])], z.int())), { a: ["x", 1, 2] }, { a: ["x", "y"] }, []],
  ["any", a(z.any()), { a: { b: [1, "c", null] } }, { b: 1 }, []],
  ["unknown", z.unknown(), [{ a: 1 }], undefined, []],
  ["intersection", z.intersection(a(z.int()), z.object({ b: z.boolean() })), { a: 1, b: true }, { a: 1 }, []],
  ["nullable", a(z.string().min(2).nullable()), { a: null }, { a: "x" }, []],
  ["optional recursion", tree, { v: "x", next: { v: "x" } }, { v: "x", next: null }, []],
  ["two optional recursions", pair, { left: {}, right: [{}] }, { left: null }, []],
  ["default", a(z.enum(["x"]).default("x")), { a: "x" }, { a: "y" }, []],
];

describe("a zod schema", () => {
  it.each(cases)("%s", async (_name, schema, right, wrong, without) => {
    const json = z.toJSONSchema(schema, { unrepresentable: "any" });
    const warnings: string[] = [];
    const grammar = await new JsonGrammars(llama).grammar(json, signal, (warning) => warnings.push(warning));
    const allows = (answer: unknown): boolean =>
      Reflect.get(grammar, "_testText").call(
        grammar,
        `${JSON.stringify(answer, null, 1).replaceAll(/\n */g, " ")}\n\n\n\n`,
      );
    expect(schema.safeParse(right).success).toBe(true);
    expect(allows(right)).toBe(true);
    if (wrong !== undefined) expect(allows(wrong)).toBe(false);
    expect(warnings.map((warning) => /the keyword (\w+)/.exec(warning)?.[1]).sort()).toEqual([...without]);
    const strict = new JsonGrammars(llama).grammar(json, signal);
    if (without.length > 0) expect(await failure(strict)).toMatchObject({ code: "UNSUPPORTED" });
    else await strict;
    // The AI SDK sends the older draft.
    const older = z.toJSONSchema(schema, { target: "draft-7", unrepresentable: "any" });
    expect(understoodSchema(older, () => {})).toEqual(understoodSchema(json, () => {}));
  });
});

it.each<[string, object, unknown, unknown]>([
  [
    "a reference to a place",
    { type: "object", properties: { a: { type: "integer" }, b: { $ref: "#/properties/a" } } },
    { a: 1, b: 2 },
    { a: 1, b: "x" },
  ],
  ["OpenAPI's nullable", { type: "string", nullable: true }, null, 1],
  ["types with parts", { type: ["array", "null"], items: { type: "integer" } }, [1], ["x"]],
  ["nothing at all", { allOf: [] }, { a: [1] }, undefined],
  ["all of several", { allOf: [{ type: "string" }, { minLength: 2 }] }, "xy", "x"],
  ["no type", { properties: { a: { minimum: 3 } } }, { a: 3 }, { a: "x" }],
  ["true", { type: "array", items: true }, [1, "x"], {}],
  ["a required property of which nothing is said", { type: "object", required: ["z"] }, { z: [1] }, {}],
  [
    "a required property as all others",
    { type: "object", required: ["z"], properties: {}, additionalProperties: { type: "integer" } },
    { z: 1 },
    { z: "x" },
  ],
  [
    "alternatives of what is required",
    {
      type: "object",
      properties: { a: { const: 1 }, b: { const: 2 } },
      anyOf: [{ required: ["a"] }, { required: ["b"] }],
    },
    { a: 1, b: 2 },
    {},
  ],
])("%s", async (_name, schema, right, wrong) => {
  const grammar = await new JsonGrammars(llama).grammar(schema, signal, () => {});
  const allows = (answer: unknown): boolean =>
    Reflect.get(grammar, "_testText").call(
      grammar,
      `${JSON.stringify(answer, null, 1).replaceAll(/\n */g, " ")}\n\n\n\n`,
    );
  expect(allows(right)).toBe(true);
  if (wrong !== undefined) expect(allows(wrong)).toBe(false);
});
