import { expected, isObject, parseJson } from "../../sdk/kit.ts";

/** How the text after an option becomes a value. */
export interface ValueType<T> {
  /** What help shows in its place: "folder", "fp32|int8". */
  readonly hint: string;
  /** @throws INVALID_ARGUMENT that names the option */
  read(text: string, option: string): T;
}

export const text = (hint: string): ValueType<string> => ({ hint, read: (given) => given });

/** Words with commas between them. */
export const words = (hint: string): ValueType<string[]> => ({ hint, read: wordsOf });

/** Some of `names`, with commas between them. */
export const someOf = <T extends string>(hint: string, names: readonly T[]): ValueType<T[]> => ({
  hint,
  read: (given, option) => wordsOf(given).map((word) => nameOf(names, word, option)),
});

const wordsOf = (text: string): string[] =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);

/** A JSON object. */
export const jsonObject = (hint: string): ValueType<Readonly<Record<string, unknown>>> => ({
  hint,
  read(given, option) {
    const value = parseJson(given);
    if (isObject(value) && !Array.isArray(value)) return value;
    throw expected("INVALID_ARGUMENT", `a JSON object such as ${hint}`, option, given);
  },
});

export const number = (hint: string): ValueType<number> => ({
  hint,
  read(given, option) {
    const value = Number(given);
    if (given.trim() !== "" && Number.isFinite(value)) return value;
    throw expected("INVALID_ARGUMENT", "a number", option, given);
  },
});

export const wholeNumber = (
  hint: string,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
): ValueType<number> => ({
  hint,
  read(given, option) {
    const value = Number(given);
    if (given.trim() !== "" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw expected("INVALID_ARGUMENT", `a whole number ${range}`, option, given);
  },
});

export const oneOf = <const T extends string>(...names: readonly T[]): ValueType<T> => ({
  hint: names.join("|"),
  read: (given, option) => nameOf(names, given, option),
});

function nameOf<T extends string>(names: readonly T[], given: string, option: string): T {
  const found = names.find((name) => name === given);
  if (found !== undefined) return found;
  throw expected("INVALID_ARGUMENT", `one of ${names.join(", ")}`, option, given);
}
