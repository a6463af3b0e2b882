import { describe, expect, test } from "vitest";
import { argument, flag, manyArguments, option, optionalArgument } from "../../../cli/command/option.ts";
import { parseArguments } from "../../../cli/command/parse-arguments.ts";
import { number, oneOf, text, wholeNumber, words } from "../../../cli/command/value-types.ts";

const shape = {
  arguments: { image: argument("An image"), output: optionalArgument("A file") },
  options: {
    maxPixels: option(wholeNumber("count", { least: 1 }), "A limit"),
    layer: option(number("block"), "A block", { default: -1 }),
    kind: option(oneOf("a", "b"), "A kind", { default: "a", short: "k" }),
    names: option(words("name,..."), "Names"),
    out: option(text("file"), "A file"),
    json: flag("JSON"),
  },
  examples: [],
};
const defaults = { maxPixels: undefined, layer: -1, kind: "a", names: undefined, out: undefined, json: false };
const parse = (...args: string[]) => parseArguments(args, shape, "vqrae test");

test("an option that is not given has its default", () => {
  expect(parse("a.png")).toEqual({ image: "a.png", output: undefined, ...defaults });
});

test("values are read, in any order, and the last of many holds", () => {
  const line = ["--json", "-k", "b", "a.png", "--max-pixels=9", "--names", "x, y,", "out.png", "--max-pixels", "10"];
  const read = { maxPixels: 10, kind: "b", names: ["x", "y"], json: true };
  expect(parse(...line)).toEqual({ image: "a.png", output: "out.png", ...defaults, ...read });
});

test("a value may be a negative number, or start with a dash behind =", () => {
  expect(parse("a.png", "--layer", "-2", "--out=-x")).toMatchObject({ layer: -2, out: "-x" });
});

test("what follows -- is no option", () => {
  expect(parse("--", "--json", "-k")).toEqual({ image: "--json", output: "-k", ...defaults });
});

test("many arguments take all that are left", () => {
  const many = { arguments: { first: argument("One"), rest: manyArguments("More") }, options: {}, examples: [] };
  expect(parseArguments(["a", "b", "c"], many, "vqrae test")).toEqual({ first: "a", rest: ["b", "c"] });
  expect(() => parseArguments(["a"], many, "vqrae test")).toThrow(
    "Expected <first> <rest...> for the arguments of vqrae test but received only a. See `vqrae test --help`.",
  );
});

describe("what is wrong is named", () => {
  test.each<[string[], string]>([
    [[], "Expected <image> [output] for the arguments of vqrae test but received none. See `vqrae test --help`."],
    [["a", "b", "c"], "Expected only <image> [output] for the arguments of vqrae test but received 3: a b c."],
    [[""], 'Expected a text that is not empty for <image> of vqrae test but received "".'],
    [["a", "--maxPixels", "1"], 'for an option of vqrae test but received "--maxPixels".'],
    [["a", "--no-json"], 'for an option of vqrae test but received "--no-json".'],
    [["a", "-x"], 'for an option of vqrae test but received "-x".'],
    [["a", "--json=1"], 'Expected no value for --json but received "1".'],
    [["a", "--out"], "Expected a value for --out but received nothing."],
    [["a", "--out", "--json"], 'Expected a value for --out but received "--json".'],
    [["a", "--max-pixels", "0"], 'Expected a whole number of at least 1 for --max-pixels but received "0".'],
    [["a", "--max-pixels", " "], 'Expected a whole number of at least 1 for --max-pixels but received " ".'],
    [["a", "--max-pixels", "1.5"], 'Expected a whole number of at least 1 for --max-pixels but received "1.5".'],
    [["a", "--layer", "last"], 'Expected a number for --layer but received "last".'],
    [["a", "-k", "c"], 'Expected one of a, b for --kind but received "c".'],
  ])("%j", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});
