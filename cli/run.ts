import { renderUsage } from "citty";
import packageJson from "../package.json" with { type: "json" };
import { expected } from "../sdk/errors.ts";
import { type CliCommand, plainUnlessTerminal, usageErrorMend } from "./command.ts";
import { devices } from "./devices.ts";
import { encode } from "./encode.ts";
import { inspect } from "./inspect.ts";
import { reconstruct } from "./reconstruct.ts";

const commands: Readonly<Record<string, CliCommand>> = { reconstruct, encode, inspect, devices };

/** Runs one command line, given without node and the script: `vqrae <command> ...`. */
export async function run(rawArgs: readonly string[]): Promise<void> {
  const [name, ...rest] = rawArgs;
  if (name === "--version" || name === "-v") return print(packageJson.version);
  if (name === undefined || name === "--help" || name === "-h") return print(await help());
  if (!Object.hasOwn(commands, name)) {
    const names = Object.keys(commands).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${names}`, "the command", name, { mend: usageErrorMend("vqrae") });
  }
  const command = commands[name]!;
  if (asksForHelp(rest)) return print(await command.help());
  await command.run(rest);
}

/** Whether a command line asks for help; what follows "--" are names of files. */
function asksForHelp(rawArgs: readonly string[]): boolean {
  const end = rawArgs.indexOf("--");
  return rawArgs.slice(0, end < 0 ? undefined : end).some((arg) => arg === "--help" || arg === "-h");
}

async function help(): Promise<string> {
  const subCommands = Object.fromEntries(
    Object.entries(commands).map(([name, { description }]) => [name, { meta: { name, description } }]),
  );
  const { version, description } = packageJson;
  return plainUnlessTerminal(await renderUsage({ meta: { name: "vqrae", version, description }, subCommands }));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
