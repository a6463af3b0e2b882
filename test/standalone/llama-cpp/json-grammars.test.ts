import { getLlama, type Llama, LlamaLogLevel } from "node-llama-cpp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { grammarText } from "../../../adapters/llama-cpp/grammar/grammar-text.ts";
import { JsonGrammars } from "../../../adapters/llama-cpp/grammar/json-grammars.ts";
import { understoodSchema } from "../../../adapters/llama-cpp/grammar/understood-schema.ts";
import { failure } from "../checkpoint/temporary.ts";

let llama: Llama;
beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled });
});
afterAll(() => llama.dispose());

const signal = new AbortController().signal;
const make = (schema: object) => new JsonGrammars(llama).grammar(schema, signal);
const ref = (name: string) => ({ $ref: `#/$defs/${name}` });
const names = (count: number) => Array.from({ length: count }, (_, i) => `v${i}`);
const object = (properties: object) => ({ type: "object", properties, additionalProperties: false });
/** Each definition is either of two references to the next. */
const chain = (levels: number) => ({
  ...ref("a0"),
  $defs: {
    ...Object.fromEntries(names(levels).map((_, i) => [`a${i}`, { oneOf: [ref(`a${i + 1}`), ref(`a${i + 1}`)] }])),
    [`a${levels}`]: { type: "null" },
  },
});
const tree = (...alternatives: object[]) => ({ ...ref("node"), $defs: { node: { oneOf: alternatives } } });
const node = ref("node");

describe("the text", () => {
  it.each<[string, object]>([
    ["of any object", { type: "object", additionalProperties: true }],
    [
      "with words that say nothing",
      { type: "array", items: { type: "string", format: "date", title: "x" }, minItems: 2 },
    ],
    ["of values", object({ a: { enum: [1, "b", null] }, 'é"': { const: "x" }, n: { type: ["null", "number"] } })],
    ["of a tree", tree({ type: "null" }, { ...object({ left: node, right: node }), required: ["left", "right"] })],
  ])("%s is that of node-llama-cpp", async (_name, schema) => {
    const understood = understoodSchema(schema);
    const { grammar } = await llama.createGrammarForJsonSchema(understood as never);
    expect(await grammarText(understood, signal)).toBe(grammar);
    expect(await make(schema)).toMatchObject({ grammar, trimWhitespaceSuffix: true });
  });

  it("is kept for the next request with the schema, whatever it describes", async () => {
    const grammars = new JsonGrammars(llama);
    const first = await grammars.grammar({ type: "null" }, signal);
    expect(await grammars.grammar({ type: "null", description: "nothing" }, signal)).toBe(first);
    for (let i = 0; i < 16; i++) await grammars.grammar({ const: i }, signal);
    expect(await grammars.grammar({ type: "null" }, signal)).not.toBe(first);
  });

  it("is given up with the request", async () => {
    const controller = new AbortController();
    const made = new JsonGrammars(llama).grammar({ type: "null" }, controller.signal);
    controller.abort(new Error("gone"));
    await expect(made).rejects.toThrow("gone");
  });
});

describe("the thread that writes grammars", () => {
  const started: unknown[] = [];
  const count = (worker: unknown) => void started.push(worker);
  beforeEach(async () => {
    await grammarText({ type: "null" }, signal);
    started.length = 0;
    process.on("worker", count);
  });
  afterEach(() => void process.off("worker", count));

  it("writes one after the other", async () => {
    for (let i = 0; i < 5; i++) expect(await grammarText({ const: i }, signal)).toContain(`"${i}"`);
    expect(started).toHaveLength(0);
  });

  it("has company for several at once, and remains alone", async () => {
    const texts = await Promise.all(names(4).map((name) => grammarText({ const: name }, signal)));
    for (const [i, text] of texts.entries()) expect(text).toContain(`v${i}`);
    expect(started).toHaveLength(3);
    await grammarText({ type: "null" }, signal);
    expect(started).toHaveLength(3);
  });

  it("ends with a request that is given up, and the next one has another", async () => {
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController();
      const given = grammarText({ enum: names(900) }, controller.signal);
      setTimeout(() => controller.abort(new Error("gone")), i);
      await Promise.allSettled([given]);
      expect(await grammarText({ const: i }, signal)).toContain(`"${i}"`);
    }
  });
});

describe("a schema is refused", () => {
  it.each<[string, object, RegExp]>([
    ["that doubles with each reference", chain(26), /at most 20000 parts, each reference replaced/],
    ["that doubles beyond any number", chain(2000), /300 deep/],
    [
      "of a long way of references",
      {
        ...ref("a0"),
        $defs: {
          ...Object.fromEntries(names(5000).map((_, i) => [`a${i}`, ref(`a${i + 1}`)])),
          a5000: { type: "null" },
        },
      },
      /300 deep/,
    ],
    ["that doubles in a definition that nothing uses", { type: "null", $defs: chain(26).$defs }, /20000 parts/],
    ["of many values", { enum: names(1001) }, /1000 values.*1001/],
    [
      "of many values in all",
      object(Object.fromEntries(names(11).map((name) => [name, { enum: names(100) }]))),
      /1000 values.*1100/,
    ],
    ["of long values", { enum: ["x".repeat(120_000)] }, /120000 characters/],
    ["of long names", object({ ["x".repeat(120_000)]: { type: "null" } }), /120000 characters/],
    ["of large counts", { type: "array", items: { type: "null" }, minItems: 1e9 }, /20000 parts/],
    [
      "of many large counts",
      object(Object.fromEntries(names(11).map((name) => [name, { type: "string", maxLength: 1999 }]))),
      /20000 parts/,
    ],
    ["of many schemas", { oneOf: Array.from({ length: 30_000 }, () => ({ type: "null" })) }, /20000 schemas/],
    [
      "with lists that begin alike and hold themselves",
      tree({ type: "array", items: node, maxItems: 1 }, { type: "array", items: node }),
      /told apart/,
    ],
    [
      "with objects that begin alike and hold themselves",
      tree(object({ a: node }), object({ a: node, b: { type: "null" } })),
      /told apart/,
    ],
    [
      "with objects of any name that hold themselves",
      tree({ type: "object", additionalProperties: node }, object({ a: node })),
      /told apart/,
    ],
    ["of less than nothing", { type: "array", items: { type: "null" }, minItems: -1 }, /whole number from 0.*minItems/],
    ["of half an item", { type: "array", items: { type: "null" }, maxItems: 1.5 }, /whole number from 0.*maxItems/],
    ["of a count that is a text", { type: "string", minLength: "9" }, /whole number from 0.*minLength/],
    ["of more than its most", { type: "array", items: { type: "null" }, minItems: 3, maxItems: 2 }, /between/],
    ["of no alternatives", object({ a: { anyOf: [] } }), /list of one or more.*oneOf/],
    ["of no values", { enum: [] }, /list of one or more.*enum/],
    ["with a name that GBNF cannot hold", object({ "a\0b": { type: "null" } }), /without control characters/],
    ["with a value that clears a terminal", { enum: ["a", "\u001b[2J"] }, /without control characters/],
    ["with half a character", { const: "\ud83d" }, /half characters/],
    ["that is itself and nothing else", tree(node, { type: "null" }), /makes no grammar/],
  ])("%s", async (_name, schema, message) => {
    const started = process.threadCpuUsage();
    expect(await failure(make(schema))).toMatchObject({ message: expect.stringMatching(message) });
    const { user, system } = process.threadCpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(300); // the first of these takes llama.cpp four seconds
  });
});

describe("a schema is taken", () => {
  it.each<[string, object, string]>([
    ["whose definitions are used a few times", chain(8), "null"],
    ["of a thousand values", { enum: names(1000) }, '"v999"'],
    ["of a list that holds itself", tree({ type: "null" }, { type: "array", items: node }), "[[null, []]]"],
    [
      "of objects that hold themselves and say what they are first",
      tree(
        object({ op: { const: "add" }, left: node, right: node }),
        object({ op: { enum: ["neg", "not"] }, of: node }),
        object({ value: { type: "number" } }),
      ),
      '{"op": "neg", "of": {"value": 1}}',
    ],
  ])("%s", async (_name, schema, answer) => {
    const grammar = await make(schema);
    expect(Reflect.get(grammar, "_testText").call(grammar, `${answer}\n\n\n\n`)).toBe(true);
    expect(Reflect.get(grammar, "_testText").call(grammar, "{]\n\n\n\n")).toBe(false);
  });
});
