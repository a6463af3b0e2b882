import { parseArgs } from "node:util";
import { describe, expected } from "../../sdk/kit.ts";
import type { CommandShape } from "./command-shape.ts";
import { type Arguments, type Options, optionName, type Values } from "./option.ts";
import { usageError } from "./usage-error.ts";

/**
 * Reads a command line by what a command says that it takes.
 * @param command such as "vqrae encode"
 * @throws INVALID_ARGUMENT for an option that the command does not have, a value that is missing or wrong, too few or too
 * many arguments
 */
export function parseArguments<A extends Arguments, O extends Options>(
  rawArgs: readonly string[],
  shape: CommandShape<A, O>,
  command: string,
): Values<A> & Values<O> {
  const { positionals, texts } = split(rawArgs, shape.options, command);
  const values: Record<string, unknown> = argumentValues(positionals, shape.arguments, command);
  for (const [key, option] of Object.entries(shape.options)) {
    const name = `--${optionName(key)}`;
    values[key] = option.value(texts.get(name), name);
  }
  return values as Values<A> & Values<O>; // each value is what its own definition read
}

/** The arguments without a name, and the text behind each option that is there: "" for a switch, the last of many. */
function split(rawArgs: readonly string[], options: Options, command: string) {
  const known = new Map(Object.entries(options).map(([key, option]) => [optionName(key), option]));
  const { tokens, positionals } = parseArgs({
    args: [...rawArgs],
    options: Object.fromEntries(
      [...known].map(([name, { hint, short }]) => [
        name,
        { type: hint === null ? "boolean" : "string", ...(short !== undefined && { short }) },
      ]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const texts = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const option = known.get(name);
    if (!option) {
      const names = [...known.keys()].map((known) => `--${known}`).join(", ");
      throw usageError(command, `one of ${names}`, describe(rawName), `an option of ${command}`);
    }
    if (option.hint === null && value !== undefined) {
      throw usageError(command, "no value", describe(value), rawName);
    }
    if (option.hint !== null && !value) throw usageError(command, "a value", "nothing", rawName);
    if (option.hint !== null && value && !inlineValue && isOption(value)) {
      throw usageError(command, "a value", describe(value), rawName);
    }
    texts.set(`--${name}`, value ?? "");
  }
  return { positionals, texts };
}

/** A value may be a negative number. */
const isOption = (text: string): boolean => text.startsWith("-") && !/^-\d/.test(text);

function argumentValues(given: readonly string[], args: Arguments, command: string): Record<string, unknown> {
  const usage = Object.entries(args).map(([name, argument]) => argument.usage(name));
  const subject = `the arguments of ${command}`;
  const values: Record<string, unknown> = {};
  let next = 0;
  for (const [name, argument] of Object.entries(args)) {
    const own = given.slice(next, next + argument.most);
    next += own.length;
    if (own.includes("")) {
      throw expected("INVALID_ARGUMENT", "a text that is not empty", `${argument.usage(name)} of ${command}`, "");
    }
    values[name] = argument.value(own);
    if (values[name] === null) {
      const received = given.length === 0 ? "none" : `only ${given.join(" ")}`;
      throw usageError(command, usage.join(" "), received, subject);
    }
  }
  if (next < given.length) {
    const what = usage.length === 0 ? "options only" : `only ${usage.join(" ")}`;
    throw usageError(command, what, `${given.length}: ${given.join(" ")}`, subject);
  }
  return values;
}
