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
  const { counted, cider } = countedOnce(groups.flat());
  const scores = cider.scores(counted.map((each) => each.cider));
  const [one = 0, two = 0, three = 0, four = 0] = bleu(counted.map((each) => each.bleu));
  return {
    "CIDEr x 100": 100 * mean(scores),
    "BLEU-4": 100 * four,
    "BLEU-3": 100 * three,
    "BLEU-2": 100 * two,
    "BLEU-1": 100 * one,
  };
}

interface Scorer {
  readonly cider: Cider;
  readonly known: WeakMap<Judged, Counted>;
}

/**
 * A bootstrap scores the same captions a thousand times; their n-grams are counted once. A comparison draws from two runs in turn, so
 * that two are kept.
 */
let scorers: readonly Scorer[] = [];

function countedOnce(all: readonly Judged[]): { readonly counted: Counted[]; readonly cider: Cider } {
  let scorer = scorers.find(({ known }) => all.every((one) => known.has(one)));
  if (scorer === undefined) {
    scorer = { cider: new Cider(), known: new WeakMap() };
    scorers = [scorer, ...scorers.slice(0, 1)];
  }
  const { cider, known } = scorer;
  const counted = all.map((one) => {
    let own = known.get(one);
    if (!own) {
      const words = (one.parsed ?? "").split(" ").filter(Boolean);
      const references = one.answers.map(ptbTokens);
      own = { bleu: bleuCounts(words, references), cider: cider.add(words, references) };
      known.set(one, own);
    }
    return own;
  });
  return { counted, cider };
}
