import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  evalAiAnswer,
  exactMatchForm,
  mcqAnswer,
  pythonText,
  vlmevalkitAnswer,
  vlmevalkitOption,
  vqaAccuracy,
  yesNoWord,
} from "../../../adapters/benchmarks/index.ts";
import { options } from "./files.ts";

const { float, round2, strip, stripCharacters, words } = pythonText;

const animals = options("rabbit", "teddy bear", "cat", "dog");

/** Values that the harnesses' own functions gave; test/golden/benchmarks has more of them. */
describe("golden values", () => {
  it.each(
    Object.entries({
      "The Dog's.": "dog 's",
      "1,000": "1000",
      "a.b.c": "abc",
      "3.5": "3.5",
      "yes, it is": "yes it is",
      dont: "don't",
      "two-three": "2 3",
      "Coca-Cola": "coca cola",
      "U.S.A.": "usa",
      "it's": "it 's",
      None: "0",
      "ten o'clock": "10 o'clock",
      "12:30": "12:30",
      "(red)": "red",
      "50 %": "50 %",
      "-5": "5",
      "R/C": "r c",
      "no.": "no",
      "$1,234.56": "$1234.56",
      A: "",
      "what?!": "what",
      "1,2": "12",
    }),
  )("EvalAI's processor: %j is %j", (answer, expected) => expect(evalAiAnswer(answer)).toBe(expected));

  it("VQA accuracy: two of ten give 0.6, three 0.9, five 1", () => {
    const answers = ["stop", "stop", "go", "go", "go", "go", "go", "yield", "yield", "yield"];
    const scores = ["stop", "yield", "go", "left"].map((given) => vqaAccuracy(given, answers));
    for (const [i, score] of [0.6, 0.9, 1, 0].entries()) expect(scores[i]).toBeCloseTo(score, 12);
  });

  it.each([
    ["B", "B"],
    ["(B)", "B"],
    ["The answer is B.", "B"],
    ["A cat", "A"],
    ["B. rabbit", "B"],
    ["A or B", null],
    ["It is a dog", "D"],
    ["The correct answer is **C**. Here's why: it has whiskers and so on and on", "C"],
    ["Z", "Z"],
    ["b", null],
  ])("VLMEvalKit's can_infer: %j is %j", (answer, letter) => {
    expect(vlmevalkitOption(answer, animals)).toBe(letter);
  });
});

describe("where harnesses differ", () => {
  it("yes or no: one of the two words, and not the other", () => {
    expect(["Y", "oh no", "yes and no", "It is, yes!"].map(yesNoWord)).toEqual(["Unknown", "No", "Unknown", "Yes"]);
  });

  it("VQA: VLMEvalKit keeps a period beside a digit", () => {
    expect([evalAiAnswer("5."), vlmevalkitAnswer("5.")]).toEqual(["5", "5."]);
  });

  it("no more than 32 periods go", () => expect(evalAiAnswer(".".repeat(40))).toBe(".".repeat(8)));

  it("GQA: spaces count for lmms-eval", () => {
    expect([exactMatchForm("T-shirt."), exactMatchForm(" cat")]).toEqual(["tshirt", " cat"]);
  });

  it("a letter in any form, by its form and then its place", () => {
    expect(mcqAnswer("Not (A), the answer is B.", [..."ABCD"])).toBe("B");
    expect(mcqAnswer("  ", [..."AB"])).toBeNull();
  });
});

describe("Python's text functions", () => {
  it("white space is Python's", () => {
    expect(strip("\x1c\u0085 a\u00a0b \u3000")).toBe("a\u00a0b");
    expect(strip("\ufeffa")).toBe("\ufeffa");
    expect(words(" a\u2028b  c\x1f")).toEqual(["a", "b", "c"]);
    expect(stripCharacters("..a.b..", ".")).toBe("a.b");
    expect(stripCharacters("....", ".")).toBe("");
  });

  it("float reads what Python's reads", () => {
    expect(["1_000", " 3. ", ".5e3", "-inf", "٣", "1,0", "", "1__0", "e5", "0x1"].map(float)).toEqual([
      1000,
      3,
      500,
      -Infinity,
      3,
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(float("NaN")).toBeNaN();
  });

  it("rounds halves to even and everything else to the nearest", () => {
    expect([0.125, 0.375, -0.125, 2.675, 1e22, 7].map(round2)).toEqual([0.12, 0.38, -0.12, 2.67, 1e22, 7]);
  });

  it("whatever a model says, every parser ends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (answer) => {
        const letters = ["A", "B", "C", "D", "Z", null];
        expect(letters).toContain(vlmevalkitOption(answer, animals));
        expect(typeof evalAiAnswer(answer)).toBe("string");
      }),
    );
  });
});
