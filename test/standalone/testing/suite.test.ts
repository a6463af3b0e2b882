import { describe, expect, it } from "vitest";
import { type ConformanceOptions, conformanceTests, mockTokenizer } from "../../../sdk/testing/index.ts";
import { encodes } from "./broken.ts";

const noResults = "encode: no images give no results";

describe("conformanceTests", () => {
  it("makes two models in all, and disposes both", async () => {
    const made: ReturnType<typeof mockTokenizer>[] = [];
    const tests = conformanceTests(() => {
      const mock = mockTokenizer();
      made.push(mock);
      return mock;
    });
    for (const { run } of tests) await run();
    expect(made).toHaveLength(2);
    for (const { calls } of made) expect(calls.some(({ method }) => method === "dispose")).toBe(true);
  });

  it("runs in any order, and a test by itself", async () => {
    for (const { run } of conformanceTests(() => mockTokenizer()).toReversed()) await run();
    await conformanceTests(() => mockTokenizer())
      .find(({ name }) => name === noResults)
      ?.run();
  });

  it("has names of its own for every test, and takes no parameter that a runner would fill with a callback", () => {
    const tests = conformanceTests(() => mockTokenizer());
    expect(new Set(tests.map(({ name }) => name)).size).toBe(tests.length);
    expect(tests.map(({ run }) => run.length)).toEqual(tests.map(() => 0));
  });

  it("tells the runner what it skips, and why", async () => {
    const { encode, info, [Symbol.asyncDispose]: dispose } = mockTokenizer({ codebook: null });
    const mock = mockTokenizer({ codebook: null });
    const encoder = { info, encode: encode.bind(mock), [Symbol.asyncDispose]: dispose.bind(mock) };
    const skipped: Record<string, string> = {};
    for (const { name, run } of conformanceTests(() => encoder, { skip: { [noResults]: "it takes too long" } })) {
      await run({
        skip: (reason) => {
          skipped[name] = reason;
        },
      });
    }
    expect(skipped).toMatchObject({
      [noResults]: "it takes too long",
      "decode: gives an image of info.outputSize": "the model has no decode",
      "views: gives one RGB image or more": "the model has no views",
      "encode: features of a model that has none are UNSUPPORTED": "the model has features",
    });
    expect(Object.keys(skipped).filter((name) => name.startsWith("encode:"))).toHaveLength(2);
  });

  it("tests a decoder alone on ids that it makes up, or on those that it is given", async () => {
    for (const options of [
      {},
      { tokens: [1, 2].map((id) => ({ tokens: new Int32Array(16).fill(id), grid: { rows: 4, columns: 4 } })) },
    ]) {
      const mock = mockTokenizer();
      const decoder = {
        info: mock.info,
        decode: mock.decode.bind(mock),
        codebookVectors: mock.codebookVectors.bind(mock),
        [Symbol.asyncDispose]: () => mock.dispose(),
      };
      for (const { run } of conformanceTests(() => decoder, options)) await run();
      const decoded = mock.calls.filter(({ method }) => method === "decode");
      expect(decoded.length).toBeGreaterThan(10);
    }
  });

  it("allows what the tolerance allows", async () => {
    const near = () =>
      encodes(({ features, ...rest }, index) => ({
        ...rest,
        ...(features && { features: index ? features.map((value) => value + 1e-4) : features }),
      }));
    const fails = async (options: ConformanceOptions) => {
      const outcomes = await Promise.allSettled(
        conformanceTests(near, options)
          .slice(0, -2)
          .map(({ run }) => run()),
      );
      return outcomes.filter(({ status }) => status === "rejected").length;
    };
    expect(await fails({})).toBeGreaterThan(0);
    expect(await fails({ featureTolerance: 1e-3 })).toBe(0);
  });

  it("fails every test where no model can be made", async () => {
    const cause = new Error("no weights");
    const tests = conformanceTests(async () => {
      throw cause;
    });
    for (const { run } of tests) await expect(run()).rejects.toBe(cause);
  });

  it.each<[unknown, string]>([
    [{ image: [] }, "the options of conformanceTests"],
    [{ images: [] }, 'Expected at least three images { data, width, height } for option "images"'],
    [{ featureTolerance: -1 }, 'option "featureTolerance"'],
    [{ tokens: [] }, 'option "tokens"'],
    [
      { skip: { "encode: everything": "no time" } },
      'option "skip" of conformanceTests but received "encode: everything"',
    ],
    [{ skip: { [noResults]: "" } }, 'Expected names of tests, each with a reason for option "skip"'],
  ])("refuses %j", (options, message) => {
    expect(() => conformanceTests(() => mockTokenizer(), options as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }),
    );
  });
});
