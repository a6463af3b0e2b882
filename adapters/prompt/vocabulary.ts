/** What turns a prompt's text into ids: a checkpoint's `tokenizer.json`, or a GGUF file's vocabulary. */
export interface Vocabulary {
  /** Where it was read, for messages. */
  readonly file: string;
  /** The texts of the tokens that steer the model, such as "<|im_end|>", with their ids. */
  readonly special: ReadonlyMap<string, number>;
  /** Stands before a prompt whose template writes none; null where the model takes none. */
  readonly addedBos: number | null;
  /** What templates call `bos_token` and `eos_token`; empty where there is none. */
  readonly bosText: string;
  readonly eosText: string;
  /**
   * The ids of a text in which nothing is special.
   * @param first whether the text begins the prompt; otherwise it follows a special token or an image
   */
  encode(text: string, first: boolean): number[];
}

/** Stands in a user's text inside each word that would be special. It is taken out before the text is encoded. */
export const GUARD = "\uFDD2";

export const unguarded = (text: string): string => text.replaceAll(GUARD, "");

/** A text without a guard of its own, and with one behind the first character of each word of the pattern. */
export function guarded(text: string, pattern: RegExp | null): string {
  const clean = text.replaceAll(GUARD, "\uFFFD");
  if (pattern === null) return clean;
  return clean.replaceAll(pattern, (word) => {
    const [first = "", ...rest] = word;
    return first + GUARD + rest.join("");
  });
}

/** A text as the special words in it, by their ids, and what is between them. */
export function splitSpecial(text: string, special: ReadonlyMap<string, number>): (string | number)[] {
  const pieces: (string | number)[] = [];
  let from = 0;
  for (const match of text.matchAll(specialPattern(special) ?? /(?!)/g)) {
    const [word] = match;
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push(special.get(word) ?? word);
    from = match.index + word.length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  return pieces;
}

/** The ids of a prompt's text: its special words as such, and all else as text. */
export function encodeText(text: string, vocabulary: Vocabulary, first: boolean): number[] {
  return splitSpecial(text, vocabulary.special).flatMap((piece, i) =>
    typeof piece === "number" ? [piece] : vocabulary.encode(unguarded(piece), first && i === 0),
  );
}

/** A vocabulary has thousands of them, and a prompt thousands of pieces. */
const specialPatterns = new WeakMap<Vocabulary["special"], RegExp | null>();

function specialPattern(special: Vocabulary["special"]): RegExp | null {
  const known = specialPatterns.get(special);
  if (known !== undefined) return known;
  const pattern = wordPattern(special.keys());
  specialPatterns.set(special, pattern);
  return pattern;
}

/**
 * Finds each of `words`; null for none. Where several begin at one place the longest is meant, as in transformers and in
 * llama.cpp.
 */
export function wordPattern(words: Iterable<string>): RegExp | null {
  const longestFirst = [...words].filter((word) => word !== "").sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return null;
  return new RegExp(longestFirst.map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
}
