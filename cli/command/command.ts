import type { CommandShape } from "./command-shape.ts";
import type { Arguments, Options, Values } from "./option.ts";
import { parseArguments } from "./parse-arguments.ts";

/** One command, as the list in commands.ts loads it. Its name and its line of help stand there. */
export interface Command {
  readonly shape: CommandShape;
  /**
   * @param rawArgs what follows its name
   * @param name such as "vqrae encode"
   */
  run(rawArgs: readonly string[], name: string): Promise<void>;
}

/** Defines a command: `run` gets the values of its arguments and options, checked. */
export function defineCommand<A extends Arguments, O extends Options>(
  definition: CommandShape<A, O> & { run(values: Values<A> & Values<O>, name: string): Promise<void> },
): Command {
  return {
    shape: definition,
    run: (rawArgs, name) => definition.run(parseArguments(rawArgs, definition, name), name),
  };
}
