import { countNgrams, LONGEST, ngramLength } from "./ngrams.ts";

/** What BLEU needs to know of one caption and its references; each list has a number for n-grams of 1 to 4 words. */
export interface BleuCounts {
  /** N-grams of the caption. */
  readonly guessed: readonly number[];
  /** Those that a reference has as often. */
  readonly right: readonly number[];
  readonly words: number;
  /** Words of the reference that comes closest; of two as close, the shorter one's. */
  readonly referenceWords: number;
}

/** Counts a caption's n-grams against all its references. Both are lists of words. */
export function bleuCounts(caption: readonly string[], references: readonly (readonly string[])[]): BleuCounts {
  const most = new Map<string, number>();
  for (const reference of references) {
    for (const [ngram, count] of countNgrams(reference)) most.set(ngram, Math.max(count, most.get(ngram) ?? 0));
  }
  const right = Array.from({ length: LONGEST }, () => 0);
  for (const [ngram, count] of countNgrams(caption)) {
    const n = ngramLength(ngram) - 1;
    right[n] = (right[n] ?? 0) + Math.min(count, most.get(ngram) ?? 0);
  }
  const words = caption.length;
  const off = (length: number) => Math.abs(length - words);
  const [referenceWords = 0] = references.map(({ length }) => length).sort((a, b) => off(a) - off(b) || a - b);
  return { guessed: right.map((_, n) => Math.max(0, words - n)), right, words, referenceWords };
}

const SMALL = 1e-9;
const TINY = 1e-15;

/**
 * BLEU-1 to BLEU-4 of all captions together, 0 to 1: the geometric mean of the n-grams' precisions, times the penalty
 * for captions that are shorter than their closest references. For one caption, pass its counts alone.
 * Source: pycocoevalcap ad63453, bleu/bleu_scorer.py, `option="closest"`.
 */
export function bleu(counts: readonly BleuCounts[]): number[] {
  const sum = (of: (one: BleuCounts) => number) => counts.reduce((total, one) => total + of(one), 0);
  const ratio = (sum(({ words }) => words) + TINY) / (sum(({ referenceWords }) => referenceWords) + SMALL);
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return Array.from({ length: LONGEST }, (_, n) => {
    product *= (sum(({ right }) => right[n] ?? 0) + TINY) / (sum(({ guessed }) => guessed[n] ?? 0) + SMALL);
    return product ** (1 / (n + 1)) * penalty;
  });
}
