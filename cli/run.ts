import packageJson from "../package.json" with { type: "json" };
import { hasFlag } from "./command/has-flag.ts";
import { commandHelp, listHelp } from "./command/help.ts";
import { type Entry, sections } from "./commands.ts";

/** Runs one command line, given without node and the script: `vqrae <command> ...`. */
export async function run(rawArgs: readonly string[]): Promise<void> {
  const [name] = rawArgs;
  if (name === "--version" || name === "-v") return print(packageJson.version);
  if (name === undefined || isHelp(name)) return print(help());
  const section = sections.find(({ commands }) => commands.some((entry) => entry.name === name));
  const all = sections.flatMap(({ commands }) => commands);
  await runOneOf(all, "vqrae", rawArgs, section?.note);
}

/** @param path what stands before the arguments on the command line, such as "vqrae evaluate" */
async function runOneOf(
  entries: readonly Entry[],
  path: string,
  [name, ...rest]: readonly string[],
  note: string | undefined,
): Promise<void> {
  const entry = entries.find((one) => one.name === name);
  if (!entry) throw await unknownCommand(entries, path, name);
  const own = `${path} ${entry.name}`;
  if ("commands" in entry) {
    if (rest[0] !== undefined && isHelp(rest[0])) return print(groupHelp(own, entry.about, entry.commands, note));
    return runOneOf(entry.commands, own, rest, note);
  }
  const command = await entry.load();
  if (hasFlag(rest, "--help", "-h")) return print(commandHelp(own, entry.about, command.shape, note));
  await command.run(rest, own);
}

const isHelp = (arg: string): boolean => arg === "--help" || arg === "-h";

/** The SDK is loaded for the message alone, so that help and version do not wait for it. */
async function unknownCommand(entries: readonly Entry[], path: string, name: string | undefined): Promise<Error> {
  const { expected } = await import("../sdk/kit.ts");
  const names = entries.map((entry) => entry.name).join(", ");
  const subject = path === "vqrae" ? "the command" : `the command of ${path}`;
  return expected("INVALID_ARGUMENT", `one of ${names}`, subject, name, `See \`${path} --help\`.`);
}

function help(): string {
  const { version, description } = packageJson;
  const shown = sections.map(({ title, commands, note }) => ({ title, rows: rowsOf(commands), note }));
  return listHelp("vqrae", `vqrae ${version}: ${description}`, shown);
}

const groupHelp = (path: string, about: string, entries: readonly Entry[], note: string | undefined): string =>
  listHelp(path, `${about}.`, [{ title: "COMMANDS", rows: rowsOf(entries), note }]);

const rowsOf = (entries: readonly Entry[]) => entries.map(({ name, about }) => [name, about] as const);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
