import { describe, expect, it } from "vitest";
import type { Decoder, Encoder, Views, VisionTokenizer } from "../../../sdk/index.ts";
import {
  type ConformanceOptions,
  type ConformingModel,
  conformanceTests,
  type MockTokenizerOptions,
  mockTokenizer,
} from "../../../sdk/testing/index.ts";

/** The tests that fail, and what the first of them says. */
async function failures(make: () => ConformingModel, options?: ConformanceOptions) {
  const failed: { name: string; message: string }[] = [];
  for (const { name, run } of conformanceTests(make, options)) {
    await run().catch((error: Error) => failed.push({ name, message: error.message }));
  }
  return failed;
}

type Methods = Partial<Record<keyof VisionTokenizer | "info", unknown>>;

/** A mock with other methods, which may call its own. */
function broken(change: (mock: VisionTokenizer) => Methods, options: MockTokenizerOptions = {}): VisionTokenizer {
  const mock = mockTokenizer(options);
  const changed = change(mock);
  return new Proxy<VisionTokenizer>(mock, {
    get: (target, name) => {
      if (Object.hasOwn(changed, name)) return Reflect.get(changed, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** `change` is made to every result of the method. */
const changing =
  (method: "encode" | "embed" | "decode" | "views", change: (result: never, index: number | null) => unknown) =>
  (mock: VisionTokenizer): Methods => ({
    [method]: async (...args: never[]) => {
      const call: (...args: never[]) => Promise<unknown> = mock[method].bind(mock);
      const result = await call(...args);
      return Array.isArray(result) && method !== "views"
        ? result.map((one: unknown, i) => change(one as never, i))
        : change(result as never, null);
    },
  });

interface Break {
  readonly make: () => ConformingModel;
  /** All tests that fail. */
  readonly fails: readonly string[];
  /** Of the first one. */
  readonly message: RegExp;
}

const same = "an image gives the same in other company, in another order and again";
const alone = "many images give what each gives alone, in their order";

const breaks: Record<string, Break> = {
  "maxTokens that is not the grid's": {
    make: () => broken(({ info }) => ({ info: { ...info, maxTokens: 15 } })),
    fails: ["info: the encoder's sizes agree", "encode: features and ids have the shapes and types that info states"],
    message: /^info.maxTokens, the tokens of info.grid: expected 16 but received 15$/,
  },
  "a licence that is an empty text": {
    make: () => broken(({ info }) => ({ info: { ...info, licence: "" } })),
    fails: ["info: names the model and what it runs on"],
    message: /^info.licence, where it is not null: expected a text but received ""$/,
  },
  "ids decoded without a codebook": {
    make: () => broken(({ info }) => ({ info: { ...info, decodes: "ids" } }), { codebook: null }),
    fails: ["info: the decoder's input and output agree"],
    message: /decodes is "ids" but codebook is null/,
  },
  "ids as plain arrays": {
    make: () =>
      broken(changing("encode", ({ ids, ...rest }: { ids: Int32Array }) => ({ ...rest, ids: ids && [...ids] }))),
    fails: [
      "encode: features and ids have the shapes and types that info states",
      "encode: gives what its options ask for and nothing else",
    ],
    message: /^encode, image 0: expected ids to be an Int32Array but received \[/,
  },
};

describe("the suite fails", () => {
  it.each(Object.entries(breaks))("on %s", async (_, { make, fails, message }) => {
    const failed = await failures(make);
    expect(failed.map(({ name }) => name)).toEqual(fails);
    expect(failed[0]?.message).toMatch(message);
  });
});
