/** The longest n-gram that captions are compared by. */
export const LONGEST = 4;

/** How often each n-gram of one to four words comes, by its words with a space between. */
export function countNgrams(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start < words.length; start++) {
    let ngram = "";
    for (let n = 0; n < Math.min(LONGEST, words.length - start); n++) {
      ngram += n === 0 ? words[start] : ` ${words[start + n]}`;
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    }
  }
  return counts;
}

/** Words of an n-gram. */
export const ngramLength = (ngram: string): number => ngram.split(" ").length;
