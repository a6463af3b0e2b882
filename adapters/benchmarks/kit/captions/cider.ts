import { countNgrams, LONGEST, ngramLength } from "./ngrams.ts";

/** Standard deviation of the penalty for a difference in length, in pairs of words. */
const SIGMA = 6;

/** A caption, or a reference: its n-grams as numbers, how often each comes, and its pairs of words. */
interface Text {
  readonly ngrams: Int32Array;
  readonly counts: Int32Array;
  readonly pairs: number;
}

/** A caption and its references. */
export interface CiderTexts {
  readonly caption: Text;
  readonly references: readonly Text[];
  /** Every n-gram that a reference has, once. */
  readonly known: Int32Array;
}

/**
 * CIDEr-D: how alike a caption's n-grams are to those of its references, where an n-gram weighs less if many images'
 * references have it. Captions are counted once (`add`) and may be scored in several selections, as a bootstrap does.
 * Source: pycocoevalcap ad63453, cider/cider_scorer.py; Vedantam et al., arXiv 1411.5726, section 4.
 */
export class Cider {
  readonly #numbers = new Map<string, number>();
  /** Words of each n-gram, less one. */
  readonly #order: number[] = [];

  /** Counts a caption and its references. All are lists of words. */
  add(caption: readonly string[], references: readonly (readonly string[])[]): CiderTexts {
    const texts = references.map((reference) => this.#text(reference));
    const known = new Set(texts.flatMap(({ ngrams }) => [...ngrams]));
    return { caption: this.#text(caption), references: texts, known: Int32Array.from(known) };
  }

  #text(words: readonly string[]): Text {
    const counted = countNgrams(words);
    const ngrams = Int32Array.from(counted.keys(), (ngram) => this.#number(ngram));
    return { ngrams, counts: Int32Array.from(counted.values()), pairs: Math.max(0, words.length - 1) };
  }

  #number(ngram: string): number {
    const known = this.#numbers.get(ngram);
    if (known !== undefined) return known;
    this.#order.push(ngramLength(ngram) - 1);
    this.#numbers.set(ngram, this.#numbers.size);
    return this.#numbers.size - 1;
  }

  /** The score of each caption, 0 to 10. How rare an n-gram is depends on all of them: never compare two selections. */
  scores(all: readonly CiderTexts[]): number[] {
    const images = new Int32Array(this.#order.length);
    for (const { known } of all) for (const ngram of known) images[ngram] = (images[ngram] ?? 0) + 1;
    const weights = Float64Array.from(images, (count) => Math.log(all.length) - Math.log(Math.max(1, count)));
    const of = new Float64Array(this.#order.length);
    // A bootstrap draws a caption several times, with one score.
    const scored = new Map<CiderTexts, number>();
    return all.map((texts) => {
      const { caption, references } = texts;
      let score = scored.get(texts);
      if (score === undefined) {
        const norms = this.#norms(caption, weights);
        let sum = 0;
        for (const reference of references) sum += this.#likeness(caption, norms, reference, weights, of);
        score = (10 * sum) / LONGEST / references.length;
        scored.set(texts, score);
      }
      return score;
    });
  }

  /** Length of a text's vector of weighted counts, for each n. */
  #norms({ ngrams, counts }: Text, weights: Float64Array): Float64Array {
    const squares = new Float64Array(LONGEST);
    for (let i = 0; i < ngrams.length; i++) {
      const ngram = ngrams[i] ?? 0;
      const n = this.#order[ngram] ?? 0;
      squares[n] = (squares[n] ?? 0) + ((counts[i] ?? 0) * (weights[ngram] ?? 0)) ** 2;
    }
    return squares.map(Math.sqrt);
  }

  /** The sum over n of the cosines, no n-gram counted more often than the reference has it. `of`: zeros, and left so. */
  #likeness(caption: Text, norms: Float64Array, reference: Text, weights: Float64Array, of: Float64Array): number {
    for (let i = 0; i < reference.ngrams.length; i++) {
      const ngram = reference.ngrams[i] ?? 0;
      of[ngram] = (reference.counts[i] ?? 0) * (weights[ngram] ?? 0);
    }
    const products = new Float64Array(LONGEST);
    for (let i = 0; i < caption.ngrams.length; i++) {
      const ngram = caption.ngrams[i] ?? 0;
      const theirs = of[ngram] ?? 0;
      const n = this.#order[ngram] ?? 0;
      const ours = (caption.counts[i] ?? 0) * (weights[ngram] ?? 0);
      products[n] = (products[n] ?? 0) + Math.min(ours, theirs) * theirs;
    }
    for (const ngram of reference.ngrams) of[ngram] = 0;
    const theirNorms = this.#norms(reference, weights);
    const cosines = products.map((product, n) => product / ((norms[n] ?? 0) * (theirNorms[n] ?? 0) || 1));
    const penalty = Math.exp(-((caption.pairs - reference.pairs) ** 2) / (2 * SIGMA ** 2));
    return penalty * cosines.reduce((sum, cosine) => sum + cosine, 0);
  }
}
