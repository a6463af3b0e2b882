import { renderUsage } from "citty";
import { expected } from "../../sdk/kit.ts";
import { asksForHelp, type CliCommand, plainUnlessTerminal, usageErrorMend } from "./command.ts";

/** `vqrae <name> <one of commands> ...`. */
export function commandGroup(
  name: string,
  description: string,
  commands: Readonly<Record<string, CliCommand>>,
): CliCommand {
  const find = (rawArgs: readonly string[]): CliCommand => {
    const [wanted] = rawArgs;
    if (wanted !== undefined && Object.hasOwn(commands, wanted)) return commands[wanted]!;
    const names = Object.keys(commands).join(", ");
    throw expected("INVALID_ARGUMENT", `one of ${names}`, `what to ${name}`, wanted, usageErrorMend(`vqrae ${name}`));
  };
  return {
    description,
    async run(rawArgs) {
      await find(rawArgs).run(rawArgs.slice(1));
    },
    async help(rawArgs = []) {
      const [first] = rawArgs;
      if (first !== undefined && !asksForHelp([first])) return find(rawArgs).help();
      const subCommands = Object.fromEntries(
        Object.entries(commands).map(([key, command]) => [key, { meta: { description: command.description } }]),
      );
      return plainUnlessTerminal(
        await renderUsage({ meta: { name, description }, subCommands }, { meta: { name: "vqrae" } }),
      );
    },
  };
}
