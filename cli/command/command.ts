import { stripVTControlCharacters, parseArgs as tokenize } from "node:util";
import { type ArgDef, type ArgsDef, defineCommand, type ParsedArgs, parseArgs, renderUsage } from "citty";
import { expected, expectedBut } from "../../sdk/kit.ts";

/** One `vqrae <command>`. */
export interface CliCommand {
  readonly description: string;
  /** Runs it with the arguments that follow its name. */
  run(rawArgs: readonly string[]): Promise<void>;
  /** `rawArgs` says which of a group's commands is meant. */
  help(rawArgs?: readonly string[]): Promise<string>;
}

export interface CliCommandDefinition<T extends ArgsDef> {
  readonly name: string;
  readonly description: string;
  readonly args: T;
  /** Whether the last positional argument may be repeated; all of them are then in `args._`. */
  readonly repeatable?: boolean;
  /** Command lines shown below the options. */
  readonly examples: readonly string[];
  run(args: ParsedArgs<T>): Promise<void>;
}

export const jsonArg = { type: "boolean", description: "Print JSON on standard output" } as const satisfies ArgDef;

/** What every command takes that has to do with a model. */
export const sharedArgs = {
  model: { type: "string", default: "default", valueHint: "folder", description: "Checkpoint folder" },
  json: jsonArg,
} as const satisfies ArgsDef;

/** What commands that run the model take. */
export const modelArgs = {
  ...sharedArgs,
  "max-pixels": {
    type: "string",
    valueHint: "count",
    description: "Refuse an image with more pixels (default 100 million)",
  },
  precision: {
    type: "string",
    valueHint: "fp32|int8",
    description: "Arithmetic of the encoder (default fp32); int8 is faster and a little less exact",
  },
  "cache-dir": { type: "string", valueHint: "folder", description: "Where weights made for int8 are kept" },
  verbose: { type: "boolean", description: "Print progress on standard error, also where it is no terminal" },
} as const satisfies ArgsDef;

/** Adds to citty what it leaves out: unknown options and missing values are errors, and help ends with examples. */
export function cliCommand<const T extends ArgsDef>(definition: CliCommandDefinition<T>): CliCommand {
  const { name, description, args } = definition;
  return {
    description,
    async run(rawArgs) {
      checkArguments(rawArgs, definition);
      await definition.run(parseArgs<T>([...rawArgs], args));
    },
    async help() {
      const usage = await renderUsage(defineCommand({ meta: { name, description }, args }), {
        meta: { name: "vqrae" },
      });
      const examples = definition.examples.map((example) => `  ${example}`).join("\n");
      return plainUnlessTerminal(`${usage}\nEXAMPLES\n\n${examples}\n`);
    },
  };
}

/** Whether a command line asks for help; what follows "--" are names of files. */
export function asksForHelp(rawArgs: readonly string[]): boolean {
  const end = rawArgs.indexOf("--");
  return rawArgs.slice(0, end < 0 ? undefined : end).some((arg) => arg === "--help" || arg === "-h");
}

/** Leaves colour out where it was asked to (no-color.org) or where nobody sees it. */
export function plainUnlessTerminal(text: string): string {
  const wanted = process.stdout.isTTY && !process.env.NO_COLOR;
  return wanted ? text : stripVTControlCharacters(text);
}

/** Where to look after a wrong command line. */
export const usageErrorMend = (command: string): string => `See \`${command} --help\`.`;

function checkArguments<T extends ArgsDef>(rawArgs: readonly string[], definition: CliCommandDefinition<T>): void {
  const command = `vqrae ${definition.name}`;
  const mend = usageErrorMend(command);
  const all: [string, ArgDef][] = Object.entries(definition.args);
  const options = new Map(all.filter(([, { type }]) => type !== "positional"));
  const { tokens, positionals } = tokenize({
    args: [...rawArgs],
    options: Object.fromEntries(
      [...options].map(([name, option]) => [
        name,
        { type: option.type === "boolean" ? "boolean" : "string", ...shortOf(option) },
      ]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { rawName, value, inlineValue } = token;
    const option = options.get(token.name);
    if (!option) {
      const known = [...options.keys()].map((name) => `--${name}`).join(", ");
      throw expected("INVALID_ARGUMENT", `one of ${known}`, `an option of ${command}`, rawName, mend);
    }
    if (option.type === "boolean" && value !== undefined) {
      throw expected("INVALID_ARGUMENT", "no value", rawName, value, mend);
    }
    if (option.type !== "boolean" && (!value || (!inlineValue && value.startsWith("-")))) {
      throw expected("INVALID_ARGUMENT", "a value", rawName, value || undefined, mend);
    }
  }
  checkPositionals(positionals, all, definition.repeatable ?? false, command);
}

/** The one letter that an option may be called by too. */
function shortOf(option: ArgDef): { short?: string } {
  const alias = "alias" in option ? option.alias : undefined;
  return typeof alias === "string" ? { short: alias } : {};
}

function checkPositionals(given: readonly string[], args: [string, ArgDef][], repeatable: boolean, command: string) {
  const mend = usageErrorMend(command);
  const positional = args.filter(([, { type }]) => type === "positional");
  const names = positional.map(([name, { required }]) => (required === false ? `[${name}]` : `<${name}>`));
  if (given.length < positional.filter(([, { required }]) => required !== false).length) {
    const received = given.length === 0 ? "none" : `only ${given.join(" ")}`;
    throw expectedBut("INVALID_ARGUMENT", names.join(" "), `the arguments of ${command}`, received, mend);
  }
  if (given.length > names.length && !repeatable) {
    const received = `${given.length}: ${given.join(" ")}`;
    throw expectedBut("INVALID_ARGUMENT", `only ${names.join(" ")}`, `the arguments of ${command}`, received, mend);
  }
  const empty = given.indexOf("");
  if (empty >= 0) throw expected("INVALID_ARGUMENT", "a path", `argument ${empty + 1} of ${command}`, "", mend);
}
