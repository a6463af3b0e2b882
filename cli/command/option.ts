import type { ValueType } from "./value-types.ts";

/** `--name <value>`, or `--name` alone for a switch. The name is the option's key in kebab case: `maxPixels` is --max-pixels. */
export interface Option<T> {
  readonly about: string;
  /** What help shows for the value; null for a switch. */
  readonly hint: string | null;
  /** The one letter that it may be called by too. */
  readonly short: string | undefined;
  /** The default, as help shows it. */
  readonly shownDefault: string | undefined;
  /**
   * @param given the text after the option; undefined where the option is not there
   * @throws INVALID_ARGUMENT
   */
  value(given: string | undefined, option: string): T;
}

interface OptionSettings {
  readonly short?: string;
  /** The default in words, where the value says less. */
  readonly shownDefault?: string;
}

/** An option with a value. Without a default the value of an option that is not given is undefined. */
export function option<T>(
  type: ValueType<T>,
  about: string,
  settings: OptionSettings & { readonly default: NoInfer<T> },
): Option<T>;
export function option<T>(type: ValueType<T>, about: string, settings?: OptionSettings): Option<T | undefined>;
export function option<T>(
  type: ValueType<T>,
  about: string,
  { short, default: fallback, shownDefault }: OptionSettings & { readonly default?: T } = {},
): Option<T | undefined> {
  return {
    about,
    hint: type.hint,
    short,
    shownDefault: shownDefault ?? (fallback === undefined ? undefined : String(fallback)),
    value: (given, name) => (given === undefined ? fallback : type.read(given, name)),
  };
}

/** An option that is there or not. */
export const flag = (about: string): Option<boolean> => ({
  about,
  hint: null,
  short: undefined,
  shownDefault: undefined,
  value: (given) => given !== undefined,
});

/** What stands on the command line without a name, in its place. */
export interface Argument<T> {
  readonly about: string;
  /** As help shows it. */
  usage(name: string): string;
  /** How many there may be. */
  readonly most: number;
  /** null where one is missing. */
  value(given: readonly string[]): T | null;
}

export const argument = (about: string): Argument<string> => ({
  about,
  usage: (name) => `<${name}>`,
  most: 1,
  value: ([given]) => given ?? null,
});

export const optionalArgument = (about: string): Argument<string | undefined> => ({
  about,
  usage: (name) => `[${name}]`,
  most: 1,
  value: ([given]) => given,
});

/** One or more; no other argument follows. */
export const manyArguments = (about: string): Argument<readonly string[]> => ({
  about,
  usage: (name) => `<${name}...>`,
  most: Number.POSITIVE_INFINITY,
  value: (given) => (given.length > 0 ? given : null),
});

/** Any number, also none; no other argument follows. */
export const anyArguments = (about: string): Argument<readonly string[]> => ({
  about,
  usage: (name) => `[${name}...]`,
  most: Number.POSITIVE_INFINITY,
  value: (given) => given,
});

export type Options = Readonly<Record<string, Option<unknown>>>;
export type Arguments = Readonly<Record<string, Argument<unknown>>>;

/** What a command gets for its options or arguments. */
export type Values<D> = { readonly [K in keyof D]: D[K] extends Option<infer T> | Argument<infer T> ? T : never };

/** The name of an option on the command line, without its dashes. */
export const optionName = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
