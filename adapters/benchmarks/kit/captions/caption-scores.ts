import type { Group, Judged, Judgement, Metrics, Question } from "../../benchmark.ts";
import { mean } from "../scores/mean.ts";
import { type BleuCounts, bleu, bleuCounts } from "./bleu.ts";
import { Cider, type CiderTexts } from "./cider.ts";
import { ptbTokens } from "./ptb-tokens.ts";

interface Counted {
  readonly bleu: BleuCounts;
  readonly cider: CiderTexts;
}

/** A caption's words, and its own BLEU-4 as its points. A run's figures are not the mean of these. */
export function judgeCaption({ answers }: Question, answer: string): Judgement {
  const words = ptbTokens(answer);
  const score = bleu([bleuCounts(words, answers.map(ptbTokens))])[3] ?? 0;
  return { parsed: words.join(" "), score: Math.min(1, score) };
}

/**
 * CIDEr and BLEU of all captions, times 100, as coco-caption scores them. How rare a phrase is follows from the images
 * that are scored: figures of some of them do not compare with figures of all.
 */
export function captionScores(groups: readonly Group[]): Metrics {
  const counted = countedOnce(groups.flat());
  const scores = scorer.cider.scores(counted.map(({ cider }) => cider));
  const [one = 0, two = 0, three = 0, four = 0] = bleu(counted.map((each) => each.bleu));
  return {
    "CIDEr x 100": 100 * mean(scores),
    "BLEU-4": 100 * four,
    "BLEU-3": 100 * three,
    "BLEU-2": 100 * two,
    "BLEU-1": 100 * one,
  };
}

/** A bootstrap scores the same captions a thousand times; their n-grams are counted once. */
let scorer = { cider: new Cider(), known: new WeakMap<Judged, Counted>() };

function countedOnce(all: readonly Judged[]): Counted[] {
  if (!all.every((one) => scorer.known.has(one))) scorer = { cider: new Cider(), known: new WeakMap() };
  const { cider, known } = scorer;
  return all.map((one) => {
    let counted = known.get(one);
    if (!counted) {
      const words = (one.parsed ?? "").split(" ").filter(Boolean);
      const references = one.answers.map(ptbTokens);
      counted = { bleu: bleuCounts(words, references), cider: cider.add(words, references) };
      known.set(one, counted);
    }
    return counted;
  });
}
