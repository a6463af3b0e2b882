import { oneLine, print, printJson } from "./terminal.ts";

/** Prints what a command found on standard output: `value` with --json, else `lines` for people. */
export function printResult(json: boolean, value: object, lines: () => readonly string[]): void {
  if (json) printJson(value);
  else
    print(
      lines()
        .map((line) => `${oneLine(line)}\n`)
        .join(""),
    );
}

/** A message about a file, with the file's name at its front unless the message has it already. */
export const namingFile = (path: string, message: string): string =>
  message.includes(path) ? message : `${path}: ${message}`;
