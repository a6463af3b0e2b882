import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { captionScores, type Group, judgeCaption, ptbTokens } from "../../../../adapters/benchmarks/index.ts";

interface Golden {
  readonly sentences: readonly { text: string; tokens: string }[];
  readonly images: readonly { caption: string; references: [string, ...string[]] }[];
  readonly bleu: readonly number[];
  readonly bleu4s: readonly number[];
  readonly cider: number;
  readonly ciders: readonly number[];
}

const golden: Golden = JSON.parse(await readFile(new URL("captions.json", import.meta.url), "utf8"));

const judged = golden.images.map(({ caption, references }, i) => {
  const question = {
    id: `${i}`,
    at: "",
    text: "",
    images: [],
    answers: references,
    options: [],
    categories: {},
  } as const;
  return { ...question, ...judgeCaption(question, caption) };
});
const groups: Group[] = judged.map((one) => [one]);

it.each(golden.sentences)("tokens as Stanford's lexer: $text", ({ text, tokens }) => {
  expect(ptbTokens(text).join(" ")).toBe(tokens);
});

describe("scores as pycocoevalcap's, within 1e-9", () => {
  it("of all captions together", () => {
    const scores = captionScores(groups);
    for (const [n, value] of golden.bleu.entries()) expect(scores[`BLEU-${n + 1}`]).toBeCloseTo(100 * value, 9);
    expect(scores["CIDEr x 100"]).toBeCloseTo(100 * golden.cider, 9);
  });

  it("of each caption", () => {
    for (const [i, { score }] of judged.entries()) expect(score).toBeCloseTo(Math.min(1, golden.bleu4s[i] ?? 0), 9);
  });

  it("the same again after other captions were scored", () => {
    const before = captionScores(groups);
    captionScores(groups.slice(0, 5));
    captionScores([[{ ...judged[0]!, parsed: "a dog" }]]);
    expect(captionScores(groups)).toEqual(before);
  });
});
