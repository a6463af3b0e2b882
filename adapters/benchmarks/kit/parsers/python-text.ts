/**
 * Python's text functions where JavaScript's differ. The harnesses are written in Python, and a score is theirs only if
 * white space, digits and rounding are too.
 */

const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const outerSpace = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const innerSpace = new RegExp(`[${SPACE}]+`);

/** `str.strip()` */
export const strip = (text: string): string => text.replace(outerSpace, "");

/** `str.split()` */
export const words = (text: string): string[] => text.split(innerSpace).filter((word) => word !== "");

/** `str.strip(characters)` */
export function stripCharacters(text: string, characters: string): string {
  const all = [...text];
  const kept = (character: string) => !characters.includes(character);
  const first = all.findIndex(kept);
  return first < 0 ? "" : all.slice(first, all.findLastIndex(kept) + 1).join("");
}

/** `len(str)`: code points. */
export const length = (text: string): number => [...text].length;

const FLOAT = /^[+-]?(?:(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?|inf|infinity|nan)$/i;

/** `float(str)`; null if Python raises. */
export function float(text: string): number | null {
  const ascii = strip(text).replaceAll(/\p{Nd}/gu, (digit) => String(decimal(digit)));
  if (!FLOAT.test(ascii)) return null;
  const lower = ascii.toLowerCase().replaceAll("_", "");
  if (lower.endsWith("nan")) return Number.NaN;
  if (lower.includes("inf")) return lower.startsWith("-") ? -Infinity : Infinity;
  return Number(lower);
}

/** The value of a decimal digit of any script: they lie in runs of ten that begin with zero. */
function decimal(digit: string): number {
  const code = digit.codePointAt(0) ?? 0;
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return (code - first) % 10;
}

/** `round(number, 2)`: the nearest, and of two the even one. */
export function round2(value: number): number {
  if (!Number.isFinite(value)) return value;
  // Only odd multiples of an eighth lie exactly between two hundredths.
  if (Math.abs((value * 8) % 2) !== 1) return Number(value.toFixed(2));
  const below = Math.floor(value * 100);
  return (below % 2 === 0 ? below : below + 1) / 100;
}

const PUNCTUATION = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;

/** Deletes `string.punctuation`. */
export const withoutPunctuation = (text: string): string => text.replaceAll(PUNCTUATION, "");
